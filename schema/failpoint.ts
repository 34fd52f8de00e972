/**
 * Where a test ends the process without a word, as a power cut would (D2): at the statement or step
 * `JACKFIELD_FAILPOINT` names. Nothing happens where it is not set.
 */
const wanted = process.env["JACKFIELD_FAILPOINT"];
let statements = 0;

/** A step of a procedure, by name. */
export function failpoint(name: string): void {
  if (wanted === name) process.kill(process.pid, "SIGKILL");
}

/** The next statement of the database: `statement:12` is the twelfth of the process. */
export function failpointAtStatement(): void {
  if (wanted?.startsWith("statement:")) failpoint(`statement:${++statements}`);
}
