// What is said of a failure that nobody expected.

export function unexpected (failure) {
  return { what: 'the page broke off', rule: failure.message, remedy: 'reload the page' }
}
