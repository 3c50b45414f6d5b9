import { execFile } from 'node:child_process'
import { access, mkdir, rename, rm } from 'node:fs/promises'
import { join } from 'node:path'
import { promisify } from 'node:util'

const run = promisify(execFile)
const STORE_PASSWORD = 'only-for-tests'

/** The user that the secured listener lets in, by PLAIN, SCRAM-SHA-256 and SCRAM-SHA-512. */
export const testUser = { username: 'tidewatch', password: 'let-me-in' }

/** For the formatting of the storage: SCRAM credentials live in the metadata log. */
export const scramArguments = ['SCRAM-SHA-256', 'SCRAM-SHA-512'].flatMap((mechanism) => [
  '--add-scram',
  `${mechanism}=[name=${testUser.username},password=${testUser.password}]`,
])

/** A key store for 127.0.0.1 and its certificate as PEM, made once. Needs keytool, which comes with Java. */
export async function certificate(cache: string): Promise<{ keyStore: string; ca: string }> {
  const folder = join(cache, 'tls')
  const paths = { keyStore: join(folder, 'broker.p12'), ca: join(folder, 'ca.pem') }
  const made = await access(paths.ca).then(
    () => true,
    () => false,
  )
  if (made) return paths
  const fresh = `${folder}.${process.pid}`
  await mkdir(fresh, { recursive: true })
  const store = ['-alias', 'broker', '-keystore', join(fresh, 'broker.p12'), '-storepass', STORE_PASSWORD]
  const subject = ['-dname', 'CN=127.0.0.1', '-ext', 'SAN=ip:127.0.0.1,dns:localhost', '-validity', '3650']
  await run('keytool', ['-genkeypair', '-keyalg', 'EC', '-storetype', 'PKCS12', ...subject, ...store])
  await run('keytool', ['-exportcert', '-rfc', '-file', join(fresh, 'ca.pem'), ...store])
  await rename(fresh, folder).catch(() => rm(fresh, { recursive: true, force: true }))
  return paths
}

/** Properties of a listener with TLS and SASL beside the plain one. */
export function securedListener(keyStore: string): Record<string, string> {
  const mechanism = (name: string, module: string, options: string) => ({
    [`listener.name.secured.${name}.sasl.jaas.config`]: `org.apache.kafka.common.security.${module} required ${options};`,
  })
  return {
    'sasl.enabled.mechanisms': 'PLAIN,SCRAM-SHA-256,SCRAM-SHA-512',
    'ssl.keystore.location': keyStore,
    'ssl.keystore.password': STORE_PASSWORD,
    'ssl.keystore.type': 'PKCS12',
    ...mechanism('plain', 'plain.PlainLoginModule', `user_${testUser.username}="${testUser.password}"`),
    ...mechanism('scram-sha-256', 'scram.ScramLoginModule', ''),
    ...mechanism('scram-sha-512', 'scram.ScramLoginModule', ''),
  }
}
