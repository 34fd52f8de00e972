/** Who a telephone says it is, and how it proves that. */
export interface Identity {
  /** `sip:user@host` of the caller. */
  readonly aor: string;
  /** Header value, with brackets. */
  readonly contact: string;
  readonly username: string;
  readonly password: string;
}
