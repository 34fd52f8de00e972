/** The API from a page: JSON in, JSON out; a refusal is an `ApiError` with its problems. */

export interface Problem {
  readonly path: string;
  readonly message: string;
}

export class ApiError extends Error {
  readonly status: number;
  readonly problems: readonly Problem[];

  constructor(status: number, message: string, problems: readonly Problem[] = []) {
    super(message);
    this.status = status;
    this.problems = problems;
  }

  /** All that is wrong, a line each. */
  get text(): string {
    const details = this.problems.map((it) => (it.path ? `${it.path}: ${it.message}` : it.message));
    return details.length > 0 ? details.join("\n") : this.message;
  }
}

interface Ask {
  readonly body?: unknown;
  /** Save only over this version. */
  readonly version?: string | undefined;
  readonly signal?: AbortSignal;
}

/** `path` below `/api/v1`. A log-in that has ended leads to the log-in page. */
export async function api<Answer = unknown>(
  method: "GET" | "POST" | "PUT" | "PATCH" | "DELETE",
  path: string,
  { body, version, signal }: Ask = {},
): Promise<Answer> {
  const type = method === "PATCH" ? "application/merge-patch+json" : "application/json";
  const response = await fetch(`/api/v1${path}`, {
    method,
    headers: {
      ...(body === undefined ? {} : { "Content-Type": type }),
      ...(version === undefined ? {} : { "If-Match": `"${version}"` }),
    },
    ...(body === undefined ? {} : { body: JSON.stringify(body) }),
    ...(signal ? { signal } : {}),
  }).catch((error: unknown) => {
    if (signal?.aborted) throw error;
    throw new ApiError(0, "the gateway does not answer");
  });
  const text = await response.text();
  if (response.ok) return (text === "" ? undefined : JSON.parse(text)) as Answer;
  if (response.status === 401) location.assign("/login");
  throw errorOf(response.status, text);
}

function errorOf(status: number, text: string): ApiError {
  try {
    const { error } = JSON.parse(text) as { error: { message: string; problems?: Problem[] } };
    return new ApiError(status, error.message, error.problems);
  } catch {
    return new ApiError(status, `the gateway answered ${status}`);
  }
}
