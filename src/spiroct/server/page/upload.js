// A scan on its way to the server: what was dropped or chosen, file by file.
import { Problem, ask } from './api.js'

const AT_A_TIME = 4
const TRIES = 3

/** List the files of a drop, those of dropped folders included. */
export async function dropped (transfer) {
  const entries = [...transfer.items].map((item) => item.webkitGetAsEntry?.()).filter(Boolean)
  if (!entries.length) return [...transfer.files]
  const found = []
  for (const entry of entries) await walk(entry, found)
  return found
}

async function walk (entry, found) {
  if (entry.isFile) {
    found.push(await new Promise((resolve, reject) => entry.file(resolve, reject)))
    return
  }
  const reader = entry.createReader()
  for (;;) { // a reader gives at most a hundred entries at a time
    const some = await new Promise((resolve, reject) => reader.readEntries(resolve, reject))
    if (!some.length) return
    for (const child of some) await walk(child, found)
  }
}

/** Leave out what is surely no part of a scan. */
export function usable (files) {
  return files.filter((file) => file.size > 0 && !/^(\.|dicomdir$|thumbs\.db$)/i.test(file.name))
}

/** Send files and return the upload's identifier; progress(bytes sent, bytes in all) is called as they go. */
export async function send (files, about, progress) {
  const all = files.reduce((sum, file) => sum + file.size, 0)
  refuseTooMuch(files.length, all, about)
  const { id } = await ask('POST', '/api/uploads')
  let next = 0
  let sent = 0
  const sender = async () => {
    while (next < files.length) {
      const number = next++
      await sendFile(id, number, files[number])
      sent += files[number].size
      progress(sent, all)
    }
  }
  try {
    await Promise.all(Array.from({ length: Math.min(AT_A_TIME, files.length) }, sender))
  } catch (failure) {
    await ask('DELETE', `/api/uploads/${id}`).catch(() => null) // it goes away by itself too, only later
    throw failure
  }
  return id
}

async function sendFile (id, number, file) {
  const address = `/api/uploads/${id}/files/${number}?name=${encodeURIComponent(file.name.slice(-200))}`
  for (let tries = 1; ; tries++) {
    try {
      return await ask('PUT', address, file)
    } catch (failure) {
      if (failure.status !== 0 || tries === TRIES) throw failure // only a broken connection is worth another try
    }
  }
}

function refuseTooMuch (count, bytes, about) {
  if (count > about.most_files || bytes > about.most_bytes) {
    throw new Problem(413, {
      what: `${count} files of ${(bytes / 2 ** 30).toFixed(1)} GiB`,
      rule: `a scan has at most ${about.most_files} files and ${(about.most_bytes / 2 ** 30).toFixed(1)} GiB here`,
      remedy: 'choose one series'
    })
  }
}
