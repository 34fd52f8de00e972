/** What is read of the audit log, for programs and pages alike. */
export interface AuditEntry {
  readonly id: number;
  /** Wall clock, milliseconds. */
  readonly at: number;
  readonly actor: string;
  readonly source?: string;
  /** `create`, `update`, `delete`, or what else was done: `log-in`, `ban` … */
  readonly action: string;
  readonly kind?: string;
  readonly item?: number;
  readonly name?: string;
  /** Without secrets; absent before it was made, or where it is no item of the configuration. */
  readonly before?: object;
  readonly after?: object;
  /** Fields that differ, each with what it was and what it is. */
  readonly fields: readonly FieldChange[];
}

export interface FieldChange {
  readonly path: string;
  readonly before?: unknown;
  readonly after?: unknown;
}
