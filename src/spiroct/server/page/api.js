// Asks the server, and turns every failure into a sentence.

export class Problem extends Error {
  constructor (status, error) {
    super(error.sentence ?? error.what)
    this.status = status
    this.error = error
  }
}

const UNREACHABLE = {
  what: 'the server does not answer', rule: 'this page is served by spiroct on your machine', remedy: 'see whether spiroct serve still runs'
}

/** Ask for an address; a body that is no Blob is sent as JSON. Returns the answer's JSON, or null without one. */
export async function ask (method, address, body) {
  const json = body !== undefined && !(body instanceof Blob)
  let answer
  try {
    answer = await fetch(address, {
      method,
      headers: json ? { 'Content-Type': 'application/json' } : body ? { 'Content-Type': 'application/octet-stream' } : {},
      body: json ? JSON.stringify(body) : body,
      cache: 'no-store'
    })
  } catch {
    throw new Problem(0, UNREACHABLE)
  }
  if (answer.status === 204) return null
  const type = answer.headers.get('content-type') ?? ''
  const document = type.startsWith('application/json') ? await answer.json() : {}
  if (!answer.ok) {
    throw new Problem(answer.status, document.error ?? { what: `answer ${answer.status}`, rule: 'it is no answer of spiroct', remedy: 'reload the page' })
  }
  return document
}
