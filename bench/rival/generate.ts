import { mkdirSync } from 'node:fs'
import { pathToFileURL } from 'node:url'
import { promisify } from 'node:util'
import protobuf from 'protobufjs/minimal.js'
import pbjs from 'protobufjs-cli/pbjs.js'

const protos = `${import.meta.dirname}/../../test/fixtures/otlp`
const generated = `${import.meta.dirname}/generated`

/** What the generated code gives for the messages on the way to a span. */
export interface StaticCode {
  readonly opentelemetry: {
    readonly proto: { readonly trace: { readonly v1: { readonly ExportTraceServiceRequest: { decode(bytes: Uint8Array): unknown } } } }
  }
}

/**
 * Makes protobufjs' static code of our `.proto` files, with the options that make it fastest: 64-bit integers as numbers, unknown fields
 * dropped, nothing but decoders.
 */
export async function protobufjsStatic(): Promise<StaticCode> {
  mkdirSync(generated, { recursive: true })
  const out = `${generated}/trace.js`
  const off = ['create', 'encode', 'verify', 'convert', 'delimited', 'typeurl', 'comments'].map((part) => `--no-${part}`)
  const main = promisify(pbjs.main as (args: string[], done: (error: Error | null) => void) => void)
  await main(['-t', 'static-module', '-w', 'esm', '--force-number', ...off, '-p', protos, '-o', out, `${protos}/trace.proto`])
  // Without the Long library protobufjs reads 64-bit integers as numbers.
  ;(protobuf.util as { Long: unknown }).Long = undefined
  protobuf.Reader.discardUnknown = true
  protobuf.configure()
  return (await import(pathToFileURL(out).href)) as StaticCode
}
