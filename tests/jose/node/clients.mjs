// jsonwebtoken and jose, as services use them: what they say of Keyturn's tokens, and tokens of theirs.
// Reads {"tokens": [{"algorithm", "token", "key" (PEM or text), "jwk" (not for HS256)}], "claims",
// "tolerance"}; writes for each what every library says (tests/jose/libraries.py compares).
import { createPublicKey, createPrivateKey } from 'node:crypto'
import { text } from 'node:stream/consumers'
import * as jose from 'jose'
import jsonwebtoken from 'jsonwebtoken'

const { tokens, claims, tolerance } = JSON.parse(await text(process.stdin))

const keys = ({ algorithm, key, jwk }) => algorithm === 'HS256'
  ? { public: Buffer.from(key), private: Buffer.from(key) }
  : { public: createPublicKey({ key: jwk, format: 'jwk' }), private: createPrivateKey(key) }

const libraries = {
  jsonwebtoken: {
    algorithms: ['HS256', 'RS256', 'ES256'], // it has no EdDSA
    verify: (token, key, algorithm, now) => jsonwebtoken.verify(token, key, {
      algorithms: [algorithm], issuer: claims.iss, audience: claims.aud, clockTolerance: tolerance, clockTimestamp: now
    }),
    sign: (key, algorithm, kid) => jsonwebtoken.sign(claims, key, { algorithm, keyid: kid })
  },
  jose: {
    algorithms: ['HS256', 'RS256', 'ES256', 'EdDSA'],
    verify: async (token, key, algorithm, now) => (await jose.jwtVerify(token, key, {
      algorithms: [algorithm], issuer: claims.iss, audience: claims.aud, clockTolerance: tolerance, currentDate: new Date(now * 1000)
    })).payload,
    sign: (key, algorithm, kid) =>
      new jose.SignJWT(claims).setProtectedHeader({ alg: algorithm, kid }).sign(key)
  }
}

const said = async (call) => {
  try {
    return await call()
  } catch (error) {
    return error.code ?? error.name
  }
}

const out = []
for (const asked of tokens) {
  const { algorithm, token } = asked
  const key = keys(asked)
  const { kid } = jose.decodeProtectedHeader(token)
  const { exp } = jose.decodeJwt(token)
  const [header, payload, signature] = token.split('.')
  const forged = [header, payload.slice(0, -1) + (payload.endsWith('A') ? 'Q' : 'A'), signature].join('.')
  for (const [name, library] of Object.entries(libraries)) {
    if (!library.algorithms.includes(algorithm)) continue
    const at = (now, which = token) => said(() => library.verify(which, key.public, algorithm, now))
    out.push({
      library: name,
      algorithm,
      within: await at(exp + tolerance - 1),
      after: await at(exp + tolerance + 1),
      forged: await at(exp - 1, forged),
      signed: await library.sign(key.private, algorithm, kid)
    })
  }
  // What no library should be talked into.
  const secret = algorithm === 'HS256' ? Buffer.from('another') : key.public.export({ type: 'spki', format: 'pem' })
  out.push({
    algorithm,
    none: jsonwebtoken.sign(claims, '', { algorithm: 'none', keyid: kid }),
    confused: await new jose.SignJWT(claims).setProtectedHeader({ alg: 'HS256', kid }).sign(Buffer.from(secret))
  })
}
console.log(JSON.stringify(out))
