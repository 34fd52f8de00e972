/** Who learns of digits that a leg's peer sent. Above: the session. Below: events and the detector. */
export interface DigitSink {
  /** One that doesn't go on as an event ended: main sends it another way. */
  digit(digit: string, durationMs: number): void;
}
