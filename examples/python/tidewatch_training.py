"""Tells Tidewatch how a training goes: every example, every client's update, every layer. Copy this file.

pip install "opentelemetry-sdk>=1.35" "opentelemetry-exporter-otlp-proto-http>=1.35"

    from tidewatch_training import TrainingRun, start

    stop = start("my-training")                       # OTEL_EXPORTER_OTLP_ENDPOINT says where to; http://localhost:4318 by default
    run = TrainingRun("run-42")
    run.sample(step=7, source="vendor-a", label="cat", predicted="dog", loss=1.3, layer="fc1", activation=vector)
    run.update(round=3, client="hospital-9", delta=[new - old for new, old in zip(after, before)], samples=800)
    run.layer("fc1", batch)                           # rows of activations
    run.progress(loss=0.4, grad_norm=1.9)
    stop()

With PyTorch, `watch(run, {"fc1": module})` reports layers by forward hooks. Vectors may be lists, arrays or tensors; numpy makes it fast
where it is there. Wide vectors leave the process as a random projection only, the same one as in Tidewatch's JavaScript SDK.
"""

import base64
import hashlib
import math
import struct

from opentelemetry import metrics
from opentelemetry._logs import LogRecord, SeverityNumber, get_logger_provider, set_logger_provider
from opentelemetry.exporter.otlp.proto.http._log_exporter import OTLPLogExporter
from opentelemetry.exporter.otlp.proto.http.metric_exporter import OTLPMetricExporter
from opentelemetry.metrics import Observation
from opentelemetry.sdk._logs import LoggerProvider
from opentelemetry.sdk._logs.export import BatchLogRecordProcessor
from opentelemetry.sdk.metrics import MeterProvider
from opentelemetry.sdk.metrics.export import PeriodicExportingMetricReader
from opentelemetry.sdk.resources import Resource

try:
    import numpy
except ImportError:
    numpy = None

COPIES = 4


def start(service, environment=None, metric_interval=5.0):
    """Starts logs and metrics over OTLP/HTTP, global ones. Returns a function that sends what is waiting and ends.

    Who has an OpenTelemetry SDK running does not need this.
    """
    attributes = {"service.name": service}
    if environment is not None:
        attributes["deployment.environment.name"] = environment
    resource = Resource.create(attributes)
    logs = LoggerProvider(resource=resource)
    # The SDK's own queue of 2,048 is less than one epoch of most trainings, and what does not fit is dropped.
    logs.add_log_record_processor(
        BatchLogRecordProcessor(OTLPLogExporter(), max_queue_size=65_536, schedule_delay_millis=1000)
    )
    set_logger_provider(logs)
    reader = PeriodicExportingMetricReader(OTLPMetricExporter(), export_interval_millis=1000 * metric_interval)
    meters = MeterProvider(resource=resource, metric_readers=[reader])
    metrics.set_meter_provider(meters)

    def stop():
        logs.shutdown()
        meters.shutdown()

    return stop


class TrainingRun:
    """One run. `run_id` names it for good: another attempt is another run. `size`: numbers of a projected vector, a multiple of 4."""

    def __init__(self, run_id, size=128):
        self.run_id = run_id
        self.size = size
        self._logger = get_logger_provider().get_logger("tidewatch")
        self._gauges = _Gauges()

    def sample(
        self,
        step,
        source,
        shard=None,
        shard_digest=None,
        sample_id=None,
        label=None,
        predicted=None,
        loss=None,
        layer=None,
        activation=None,
    ):
        """One example as the trainer sees it, before the step that learns from it. `source`: who delivered it."""
        attributes = {
            "tidewatch.training.step": step,
            "tidewatch.training.source": source,
            "tidewatch.training.shard": shard,
            "tidewatch.training.shard.digest": shard_digest,
            "tidewatch.training.sample.id": sample_id,
            "tidewatch.training.label": None if label is None else str(label),
            "tidewatch.training.predicted": None if predicted is None else str(predicted),
            "tidewatch.training.loss": None if loss is None else float(loss),
        }
        if layer is not None and activation is not None:
            attributes["tidewatch.activation.layer"] = layer
            attributes["tidewatch.activation.vector"] = to_base64(project(activation, self.size))
        self._emit("tidewatch.training.sample", attributes)

    def update(self, round, client, delta, samples=None):
        """One client's update of one federated round, before aggregation: new weights minus old, as one vector or a list of them."""
        parts = [_flat(part) for part in _parts(delta)]
        self._emit(
            "tidewatch.training.update",
            {
                "tidewatch.training.round": round,
                "tidewatch.training.client": client,
                "tidewatch.training.update.norm": math.sqrt(sum(_squares(part) for part in parts)),
                "tidewatch.training.update.sketch": to_base64(project(parts, self.size)),
                "tidewatch.training.update.samples": samples,
            },
        )

    def progress(self, loss=None, grad_norm=None, accuracy=None):
        """Values of a step; what is absent is not told."""
        for name, value in (("loss", loss), ("grad_norm", grad_norm), ("accuracy", accuracy)):
            if value is not None:
                self._gauges.set(f"tidewatch.training.{name}", float(value), ())

    def layer(self, name, rows, saturation=None):
        """A layer's answers to a batch: rows of numbers. `saturation`: where its units saturate (0.99 for tanh), if they can."""
        of = (("tidewatch.activation.layer", name),)
        statistics = layer_statistics(rows, saturation)
        self._gauges.add("tidewatch.activation.nonfinite", statistics.pop("nonfinite"), of)
        for key, value in statistics.items():
            self._gauges.set(f"tidewatch.activation.{key}", value, of)

    def _emit(self, event_name, attributes):
        told = {key: value for key, value in attributes.items() if value is not None}
        told["tidewatch.training.run.id"] = self.run_id
        self._logger.emit(LogRecord(event_name=event_name, severity_number=SeverityNumber.INFO, attributes=told))


def watch(run, modules, every=1, saturation=None):
    """Reports PyTorch modules at every `every`-th forward pass. Returns a function that takes the hooks off."""
    handles = []
    for name, module in modules.items():
        handles.append(module.register_forward_hook(_reporter(run, name, every, saturation)))

    def stop():
        for handle in handles:
            handle.remove()

    return stop


def _reporter(run, name, every, saturation):
    passes = 0

    def report(_module, _inputs, output):
        nonlocal passes
        if passes % every == 0:
            rows = output.detach()
            run.layer(name, rows.reshape(rows.shape[0], -1).cpu().tolist(), saturation)
        passes += 1

    return report


def digest_of(data):
    """`sha256:<hex>` of a shard's or a model's bytes. Make it anew whenever the shard is read: a shard that changes is noticed."""
    return f"sha256:{hashlib.sha256(data).hexdigest()}"


def project(vector, size=128):
    """Sparse random projection that keeps squared distances in expectation (Kane and Nelson 2014).

    `vector`: numbers, or a list of such. Vectors of no more than `size` numbers come out as they are.
    """
    if size < COPIES or size % COPIES:
        raise ValueError(f"size must be a multiple of {COPIES}, is {size}")
    values = [x for part in _parts(vector) for x in _flat(part)]
    if len(values) <= size:
        return values
    block = size // COPIES
    if numpy is not None:
        flat = numpy.asarray(values, dtype=numpy.float64)
        sums = numpy.zeros(size)
        for copy in range(COPIES):
            hashes = _mix(numpy.arange(len(flat), dtype=numpy.uint64) * COPIES + copy, numpy.uint64(0xFFFFFFFF))
            places = copy * block + (hashes >> numpy.uint64(1)) % numpy.uint64(block)
            numpy.add.at(sums, places.astype(numpy.int64), numpy.where(hashes & numpy.uint64(1), flat, -flat))
        return [float(x) for x in sums / math.sqrt(COPIES)]
    sums = [0.0] * size
    for index, x in enumerate(values):
        if x == 0:
            continue
        for copy in range(COPIES):
            hashed = _mix(index * COPIES + copy, 0xFFFFFFFF)
            sums[copy * block + (hashed >> 1) % block] += x if hashed & 1 else -x
    return [x / math.sqrt(COPIES) for x in sums]


def to_base64(vector):
    """A vector as Tidewatch reads it: little-endian float32 in base64."""
    return base64.b64encode(struct.pack(f"<{len(vector)}f", *vector)).decode()


def layer_statistics(rows, saturation=None):
    """mean, std, norm, zero_ratio and, where `saturation` is given, saturated_ratio of what is finite; and how many values are not."""
    count = nonfinite = zeros = saturated = 0
    mean = squares = norms = 0.0
    batch = [_flat(row) for row in rows]
    for row in batch:
        of_row = 0.0
        for x in row:
            if not math.isfinite(x):
                nonfinite += 1
                continue
            count += 1
            away = x - mean
            mean += away / count
            squares += away * (x - mean)
            of_row += x * x
            zeros += x == 0
            saturated += saturation is not None and abs(x) >= saturation
        norms += math.sqrt(of_row)
    if count == 0:
        return {"nonfinite": nonfinite}
    statistics = {
        "nonfinite": nonfinite,
        "mean": mean,
        "std": math.sqrt(squares / count),
        "norm": norms / len(batch),
        "zero_ratio": zeros / count,
    }
    if saturation is not None:
        statistics["saturated_ratio"] = saturated / count
    return statistics


class _Gauges:
    """Gauges that speak at a collection only if something was said since the last one: a run that pauses is silent, not constant."""

    def __init__(self):
        self._meter = metrics.get_meter("tidewatch")
        self._pending = {}

    def set(self, name, value, attributes):
        self._series(name)[attributes] = value

    def add(self, name, value, attributes):
        """Values between two collections add up: what happened once must not be overwritten."""
        series = self._series(name)
        series[attributes] = series.get(attributes, 0) + value

    def _series(self, name):
        if name not in self._pending:
            self._pending[name] = {}
            self._meter.create_observable_gauge(name, callbacks=[lambda _: self._collect(name)])
        return self._pending[name]

    def _collect(self, name):
        told, self._pending[name] = self._pending[name], {}
        return [Observation(value, dict(attributes)) for attributes, value in told.items()]


def _parts(vector):
    is_parts = isinstance(vector, (list, tuple)) and len(vector) > 0 and hasattr(vector[0], "__len__")
    return vector if is_parts else [vector]


def _flat(part):
    """A plain list of floats from a list, an array or a tensor of any shape."""
    if hasattr(part, "detach"):
        part = part.detach().cpu()
    if hasattr(part, "reshape"):
        part = part.reshape(-1).tolist()
    return [float(x) for x in part]


def _squares(part):
    return sum(x * x for x in part)


def _mix(index, mask):
    """The finishing step of murmur3 over the low 32 bits of an index; integers or an array of them."""
    kind = type(mask)
    h = (index + kind(0x9E3779B9)) & mask
    h = ((h ^ (h >> kind(16))) * kind(0x85EBCA6B)) & mask
    h = ((h ^ (h >> kind(13))) * kind(0xC2B2AE35)) & mask
    return h ^ (h >> kind(16))
