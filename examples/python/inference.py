"""One span per model call, with the names of OpenTelemetry's GenAI conventions and who asked.

pip install opentelemetry-sdk opentelemetry-exporter-otlp-proto-http
python inference.py            # OTEL_EXPORTER_OTLP_ENDPOINT says where to; http://localhost:4318 by default
"""

import json
from contextlib import contextmanager

from opentelemetry import trace
from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import BatchSpanProcessor

provider = TracerProvider(
    resource=Resource.create({"service.name": "my-model-service", "deployment.environment.name": "production"})
)
provider.add_span_processor(BatchSpanProcessor(OTLPSpanExporter()))
trace.set_tracer_provider(provider)
tracer = trace.get_tracer("model-calls")


@contextmanager
def watched(user, model, prompt=None, **parameters):
    """A span around one call. Set the usage on it when the answer is there; exceptions are recorded by themselves."""
    with tracer.start_as_current_span(f"chat {model}", kind=trace.SpanKind.CLIENT) as span:
        span.set_attribute("gen_ai.operation.name", "chat")
        span.set_attribute("gen_ai.request.model", model)
        span.set_attribute("user.id", user)
        for name, value in parameters.items():
            # max_tokens, temperature, top_p have names in the conventions; logprobs has none there.
            prefix = "tidewatch" if name in ("logprobs", "top_logprobs") else "gen_ai"
            span.set_attribute(f"{prefix}.request.{name}", value)
        if prompt is not None:
            # Optional. Tidewatch turns it into a fingerprint and an embedding at its door and drops the text.
            messages = [{"role": "user", "parts": [{"type": "text", "content": prompt}]}]
            span.set_attribute("gen_ai.input.messages", json.dumps(messages))
        yield span


def answer(prompt):
    """Stands for your model."""
    return f"You said: {prompt}"


if __name__ == "__main__":
    for prompt in ["How long does a sourdough loaf rest?", "And in a warm kitchen?"]:
        with watched("user-42", "my-model", prompt, temperature=0.7, max_tokens=200, logprobs=False) as span:
            text = answer(prompt)
            span.set_attribute("gen_ai.response.model", "my-model")
            span.set_attribute("gen_ai.usage.input_tokens", len(prompt) // 4)
            span.set_attribute("gen_ai.usage.output_tokens", len(text) // 4)
            span.set_attribute("gen_ai.response.finish_reasons", ["stop"])
        print(text)
    provider.shutdown()
