/**
 * Secrets at rest: AES-256-GCM under a key that lies beside the database, not in it, so that a copy
 * of the database alone tells nothing. The key may also come from the environment.
 */
import { createCipheriv, createDecipheriv, randomBytes } from "node:crypto";
import { existsSync, mkdirSync, readFileSync, renameSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { OperatorError } from "../gateway/options.ts";

export interface Secrets {
  seal(text: string): string;
  /** Throws an `OperatorError` when the text was sealed by another key or damaged. */
  open(sealed: string): string;
}

const KEY_FILE = "secret.key";
const NEXT_KEY_FILE = "secret.key.next";
const KEY_BYTES = 32;
const NONCE_BYTES = 12;
const TAG_BYTES = 16;

/** Reads the key, or makes one at the first start; `fromEnvironment` is hex and wins. */
export function openSecrets(directory: string, fromEnvironment: string | undefined): Secrets {
  return secretsWith(
    fromEnvironment === undefined
      ? keyOf(directory)
      : parseKey(fromEnvironment, "JACKFIELD_SECRET_KEY"),
  );
}

/** A key that is to follow the one there is: on the disk, under a name of its own; see `adoptKey`. */
export function prepareKey(directory: string): Secrets {
  const key = randomBytes(KEY_BYTES);
  const file = join(directory, NEXT_KEY_FILE);
  rmSync(file, { force: true });
  writeFileSync(file, `${key.toString("hex")}\n`, { mode: 0o600, flag: "wx", flush: true });
  return secretsWith(key);
}

/** Whether a rotation of the key was cut short; the key it had prepared. */
export function preparedKey(directory: string): Secrets | undefined {
  const file = join(directory, NEXT_KEY_FILE);
  return existsSync(file)
    ? secretsWith(parseKey(readFileSync(file, "utf8").trim(), file))
    : undefined;
}

/** The prepared key is the key from now on. */
export function adoptKey(directory: string): void {
  renameSync(join(directory, NEXT_KEY_FILE), join(directory, KEY_FILE));
}

/** The prepared key is not taken. */
export function discardKey(directory: string): void {
  rmSync(join(directory, NEXT_KEY_FILE), { force: true });
}

function secretsWith(key: Buffer): Secrets {
  return {
    seal: (text) => {
      const nonce = randomBytes(NONCE_BYTES);
      const cipher = createCipheriv("aes-256-gcm", key, nonce);
      const sealed = Buffer.concat([cipher.update(text, "utf8"), cipher.final()]);
      return Buffer.concat([nonce, cipher.getAuthTag(), sealed]).toString("base64");
    },
    open: (text) => {
      const bytes = Buffer.from(text, "base64");
      const tag = bytes.subarray(NONCE_BYTES, NONCE_BYTES + TAG_BYTES);
      const sealed = bytes.subarray(NONCE_BYTES + TAG_BYTES);
      try {
        const decipher = createDecipheriv("aes-256-gcm", key, bytes.subarray(0, NONCE_BYTES), {
          authTagLength: TAG_BYTES,
        });
        decipher.setAuthTag(tag);
        return Buffer.concat([decipher.update(sealed), decipher.final()]).toString("utf8");
      } catch {
        throw new OperatorError(
          `the stored passwords can't be read with this key: put the ${KEY_FILE} back that belongs to the database`,
        );
      }
    },
  };
}

function keyOf(directory: string): Buffer {
  const file = join(directory, KEY_FILE);
  try {
    if (existsSync(file)) return parseKey(readFileSync(file, "utf8").trim(), file);
    mkdirSync(directory, { recursive: true, mode: 0o700 });
    const key = randomBytes(KEY_BYTES);
    // On disk before the first password is sealed with it: afterwards it can't be made again.
    writeFileSync(file, `${key.toString("hex")}\n`, { mode: 0o600, flag: "wx", flush: true });
    return key;
  } catch (error) {
    if (error instanceof OperatorError) throw error;
    throw new OperatorError(`the key file ${file} can't be used: ${(error as Error).message}`);
  }
}

function parseKey(hex: string, where: string): Buffer {
  if (/^[0-9a-f]{64}$/i.test(hex)) return Buffer.from(hex, "hex");
  throw new OperatorError(`${where} holds no key: 64 hexadecimal digits are expected`);
}
