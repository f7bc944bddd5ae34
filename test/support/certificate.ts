import { createSign, generateKeyPairSync } from 'node:crypto'

/** A key and a certificate for a host that it signed for itself, good for this test run. */
export function certificate(host = 'test.example'): {
  readonly key: string
  readonly cert: string
} {
  const { privateKey, publicKey } = generateKeyPairSync('ec', { namedCurve: 'prime256v1' })
  const ecdsaWithSha256 = sequence(Buffer.from('06082a8648ce3d040302', 'hex'))
  const commonName = Buffer.concat([Buffer.from('0603550403', 'hex'), der(0x0c, host)])
  const name = sequence(der(0x31, sequence(commonName)))
  const time = (year: string): Buffer => der(0x18, `${year}0101000000Z`)
  // X.509 version 1 (RFC 5280 §4.1): a number, how and by whom it is signed, how long, for whom, which key.
  const body = sequence(
    Buffer.from('020101', 'hex'),
    ecdsaWithSha256,
    name,
    sequence(time('2000'), time('2999')),
    name,
    publicKey.export({ type: 'spki', format: 'der' }),
  )
  const signature = createSign('sha256').update(body).sign(privateKey)
  const signed = sequence(
    body,
    ecdsaWithSha256,
    der(0x03, Buffer.concat([Buffer.alloc(1), signature])),
  )
  const lines = signed.toString('base64').replaceAll(/.{64}(?=.)/g, '$&\n')
  return {
    key: String(privateKey.export({ type: 'pkcs8', format: 'pem' })),
    cert: `-----BEGIN CERTIFICATE-----\n${lines}\n-----END CERTIFICATE-----\n`,
  }
}

function sequence(...parts: readonly Buffer[]): Buffer {
  return der(0x30, Buffer.concat(parts))
}

/** Tag, length, content. */
function der(tag: number, content: string | Buffer): Buffer {
  const bytes = Buffer.from(content)
  const { length } = bytes
  const size =
    length < 128 ? [length] : length < 256 ? [0x81, length] : [0x82, length >> 8, length & 255]
  return Buffer.concat([Buffer.from([tag, ...size]), bytes])
}
