/** @jsxImportSource hono/jsx */
/** The frame of every page. */
import type { Child } from "hono/jsx";

export function Layout(props: {
  title: string;
  script?: string;
  narrow?: boolean;
  children?: Child;
}) {
  return (
    <html lang="en">
      <head>
        <meta charset="utf-8" />
        <meta name="viewport" content="width=device-width, initial-scale=1" />
        <meta name="color-scheme" content="light dark" />
        <title>{props.title} · Jackfield</title>
        <link rel="stylesheet" href="/assets/style.css" />
        {props.script ? <script type="module" src={props.script} /> : null}
      </head>
      <body class={props.narrow ? "narrow" : ""}>{props.children}</body>
    </html>
  );
}
