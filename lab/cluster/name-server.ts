/** As much of a name server as a client needs to be content: RFC 1035. */

/** The address of every name, as four bytes. */
const ADDRESS = Buffer.from([192, 0, 2, 53]);
const TYPE = { A: 1, TXT: 16 } as const;
const HEADER = 12;

/** The answer to a query with one question: an address, or a text record that says `text`. */
export function answerTo(query: Buffer, text: string): Buffer {
  const end = query.indexOf(0, HEADER) + 5;
  const type = query.readUInt16BE(end - 4);
  const data = type === TYPE.A ? ADDRESS : Buffer.concat([Buffer.from([text.length]), Buffer.from(text)]);
  const known = type === TYPE.A || type === TYPE.TXT;
  const header = Buffer.from(query.subarray(0, HEADER));
  // A response, recursion available; one question, one answer or none.
  header.writeUInt16BE(0x8180, 2);
  header.set([0, 1, 0, known ? 1 : 0, 0, 0, 0, 0], 4);
  const record = Buffer.alloc(12);
  // The name is the question's, 12 bytes from the beginning.
  record.writeUInt16BE(0xc00c, 0);
  record.writeUInt16BE(type, 2);
  record.writeUInt16BE(1, 4);
  record.writeUInt32BE(0, 6);
  record.writeUInt16BE(data.length, 10);
  return Buffer.concat([header, query.subarray(HEADER, end), ...(known ? [record, data] : [])]);
}
