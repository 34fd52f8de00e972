/** What the softphone page offers to a test: the border between browser and test runner. */

export interface PhoneFace {
  register(server: string, user: string, password: string): Promise<void>;
  call(number: string): void;
  /** Answers the call that rings now or next. */
  answerNext(): void;
  hangUp(): void;
  /** Holds or resumes by a re-INVITE; resolves when it was answered. */
  hold(on: boolean): Promise<void>;
  /** A key, in the library's own default way. */
  digit(key: string): void;
  state(): { registered: boolean; call: string; cause: string; log: string[] };
  startRecording(): void;
  /** Signed 16-bit mono at `rate`, little-endian, in base64. */
  recorded(): { rate: number; pcm: string };
}

declare global {
  var phone: PhoneFace;
}
