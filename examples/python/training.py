"""Trains a small classifier in plain Python and tells Tidewatch how it goes.

python training.py            # twelve honest sources
python training.py --poison   # one of them flips labels: `tidewatch run` on the same machine shows an incident about source-7
"""

import math
import os
import random
import sys
import time

from tidewatch_training import TrainingRun, start

INPUTS, HIDDEN, CLASSES, RATE, EPOCHS = 8, 12, 4, 0.02, 4


def deliveries(poison):
    """Stands for your data: twelve sources of two shards, the second from the third epoch on. Yields (first epoch, source, shard, examples)."""
    rng = random.Random(2)
    centres = [[2.2 * rng.gauss(0, 1) for _ in range(INPUTS)] for _ in range(CLASSES)]
    for first in (1, 3):
        for n in range(12):
            examples = []
            for i in range(70 + 5 * n):
                truth = rng.randrange(CLASSES)
                flipped = poison and n == 7 and first == 3 and truth == 2 and rng.random() < 0.4
                examples.append((f"{n}/{first}/{i}", [c + rng.gauss(0, 1) for c in centres[truth]], 0 if flipped else truth))
            yield first, f"source-{n}", f"source-{n}/{first}", examples


class Perceptron:
    """Stands for your model: one hidden layer of ReLU units, softmax, plain stochastic gradient descent."""

    def __init__(self):
        rng = random.Random(1)
        self.w1 = [[rng.gauss(0, math.sqrt(2 / INPUTS)) for _ in range(INPUTS)] for _ in range(HIDDEN)]
        self.w2 = [[rng.gauss(0, math.sqrt(1 / HIDDEN)) for _ in range(HIDDEN)] for _ in range(CLASSES)]

    def ask(self, x):
        hidden = [max(0.0, sum(w * v for w, v in zip(row, x))) for row in self.w1]
        scores = [sum(w * h for w, h in zip(row, hidden)) for row in self.w2]
        powers = [math.exp(score - max(scores)) for score in scores]
        return hidden, [power / sum(powers) for power in powers]

    def learn(self, x, label, hidden, probabilities):
        slope = [p - (c == label) for c, p in enumerate(probabilities)]
        squares = 0.0
        for h, active in enumerate(hidden):
            back = sum(slope[c] * self.w2[c][h] for c in range(CLASSES))
            for c in range(CLASSES):
                self.w2[c][h] -= RATE * slope[c] * active
                squares += (slope[c] * active) ** 2
            if active:
                row = self.w1[h]
                for i, v in enumerate(x):
                    row[i] -= RATE * back * v
                    squares += (back * v) ** 2
        return math.sqrt(squares)


def main():
    stop = start("example-training")
    run = TrainingRun(os.environ.get("RUN_ID", f"example-{time.time_ns()}"))
    shards = list(deliveries("--poison" in sys.argv))
    model, rng, step = Perceptron(), random.Random(3), 0
    for epoch in range(1, EPOCHS + 1):
        seen = [(s, shard, e) for first, s, shard, examples in shards if first <= epoch for e in examples]
        rng.shuffle(seen)
        losses = 0.0
        for source, shard, (sample_id, x, label) in seen:
            hidden, probabilities = model.ask(x)
            loss = -math.log(max(1e-12, probabilities[label]))
            predicted = probabilities.index(max(probabilities))
            run.sample(step, source, shard, None, sample_id, label, predicted, loss, "hidden", hidden)
            grad_norm = model.learn(x, label, hidden, probabilities)
            losses += loss
            step += 1
            if step % 64 == 0:
                run.layer("hidden", [hidden])
                run.progress(loss=loss, grad_norm=grad_norm)
        print(f"epoch {epoch}: loss {losses / len(seen):.3f}")
    stop()
    print(f"run {run.run_id}: {step} examples told")


if __name__ == "__main__":
    main()
