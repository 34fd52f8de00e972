/**
 * Who the phone belongs to. It is kept for the tab, or on the device where the person says so; a
 * link with `#name=alice` fills in the name.
 */
export interface Account {
  readonly name: string;
  readonly password: string;
}

const KEPT = "phone-account";

export function keptAccount(): Account | undefined {
  const text = sessionStorage.getItem(KEPT) ?? localStorage.getItem(KEPT);
  return text === null ? undefined : (JSON.parse(text) as Account);
}

/** `forGood`: on this device, until somebody signs out. */
export function keepAccount(account: Account, forGood: boolean): void {
  forgetAccount();
  (forGood ? localStorage : sessionStorage).setItem(KEPT, JSON.stringify(account));
}

export function forgetAccount(): void {
  sessionStorage.removeItem(KEPT);
  localStorage.removeItem(KEPT);
}

/** The name a link to the phone was made for; empty where it names nobody. */
export function linkedName(): string {
  return new URLSearchParams(location.hash.slice(1)).get("name") ?? "";
}
