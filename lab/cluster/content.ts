/** Bytes that both ends of a transfer know without having talked about them. */
import { createCipheriv, createHash } from "node:crypto";

/** `length` bytes that look random and are always the same. */
export function content(length: number): Buffer {
  return createCipheriv("aes-128-ctr", Buffer.alloc(16), Buffer.alloc(16)).update(Buffer.alloc(length));
}

/** SHA-256 as hexadecimal digits. */
export function digest(bytes: Uint8Array): string {
  return createHash("sha256").update(bytes).digest("hex");
}
