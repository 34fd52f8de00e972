/** @jsxImportSource hono/jsx */
/** Icons on a 16-pixel grid, strokes in the text's colour. They stand beside words, never alone. */

const PATHS = {
  dashboard: "M2.5 11.5a5.5 5.5 0 1 1 11 0M8 11.5l2.6-3.6M1.8 13.5h12.4",
  calls:
    "M5.6 2.5 3.4 3c-.6.1-1 .7-.9 1.3.6 4.8 4.4 8.6 9.2 9.2.6.1 1.2-.3 1.3-.9l.5-2.2-3-1.4-1.3 1.3A7.6 7.6 0 0 1 5.7 6.8L7 5.5z",
  connections: "M5.5 2v3.5M10.5 2v3.5M4 5.5h8V8a4 4 0 0 1-8 0zM8 12v2.5",
  "dial-plan":
    "M2.5 3.5h3c3.5 0 3.5 9 7 9h1M2.5 12.5h3c1.3 0 2.1-1.2 2.7-2.8M11 1.8l2 1.7-2 1.7M11.5 10.8l2 1.7-2 1.7",
  users:
    "M6 7.5a2.5 2.5 0 1 0 0-5 2.5 2.5 0 0 0 0 5zM1.5 13.5c0-2.5 2-4 4.5-4s4.5 1.5 4.5 4M10.5 2.8a2.4 2.4 0 0 1 0 4.5M12 9.8c1.6.5 2.5 1.8 2.5 3.7",
  settings: "M2 4.5h6M12 4.5h2M2 11.5h2M8 11.5h6M10 2.7v3.6M6 9.7v3.6",
  audit: "M4 2h8v12H4zM6.3 5.3h3.4M6.3 8h3.4M6.3 10.7h2",
  phone:
    "M4 6.5a4 4 0 0 1 8 0v4M4 6.5v4M2.5 8.5H4v3.5H2.5zM12 8.5h1.5V12H12zM12 12c0 1.4-1 2-2.6 2",
  theme: "M8 2.5v11a5.5 5.5 0 0 0 0-11zM8 13.5a5.5 5.5 0 0 1 0-11",
  leave: "M6.5 2.5h-4v11h4M6 8h8M11.2 5.2 14 8l-2.8 2.8",
  menu: "M2 4h12M2 8h12M2 12h12",
  plus: "M8 3v10M3 8h10",
  trash: "M2.5 4h11M6 4V2.3h4V4M4 4l.6 9.7h6.8L12 4M6.7 6.7v4.3M9.3 6.7v4.3",
  up: "M8 13V3.5M4 7l4-4 4 4",
  down: "M8 3v9.5M4 9l4 4 4-4",
  grip: "M6 3.5v.01M10 3.5v.01M6 8v.01M10 8v.01M6 12.5v.01M10 12.5v.01",
  back: "M9.5 3.5 5 8l4.5 4.5",
  check: "m3 8.5 3.2 3.2L13 4.8",
  warn: "M8 2 1.5 13.5h13zM8 6.3v3.4M8 11.6v.01",
  info: "M8 14A6 6 0 1 0 8 2a6 6 0 0 0 0 12zM8 7.3V11M8 5v.01",
  code: "M5.5 4.5 2 8l3.5 3.5M10.5 4.5 14 8l-3.5 3.5",
} as const;

export type IconName = keyof typeof PATHS;

export function Icon({ name }: { name: IconName }) {
  return (
    <svg class="icon" viewBox="0 0 16 16" aria-hidden="true">
      <path d={PATHS[name]} />
    </svg>
  );
}

/** A plug in its socket: one line joined to another. */
export function Mark() {
  return (
    <svg viewBox="0 0 24 24" aria-hidden="true" class="mark">
      <rect width="24" height="24" rx="6" fill="#3450c8" />
      <circle cx="8" cy="8" r="2.6" fill="none" stroke="#fff" stroke-width="1.8" />
      <circle cx="16" cy="16" r="2.6" fill="none" stroke="#fff" stroke-width="1.8" />
      <path d="M9.9 9.9c4 .3 3.9 3.9 4.2 4.2" fill="none" stroke="#fff" stroke-width="1.8" />
    </svg>
  );
}
