/** What softphone pages need of a browser's tab, whichever browser it is of. */
export interface Tab {
  goto(url: string): Promise<unknown>;
  reload(): Promise<unknown>;
  /** Runs a function in the page, which sees nothing but what it is given. */
  evaluate<Given, Result>(run: (given: Given) => Result, given: Given): Promise<Awaited<Result>>;
  on(event: "console", listener: (line: ConsoleLine) => void): unknown;
  close(): Promise<void>;
}

export interface ConsoleLine {
  text(): string;
}
