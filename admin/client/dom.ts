/**
 * Elements from text alone: nothing that came by SIP is ever read as HTML. Everything a page's
 * script shows is made by `h`.
 */

type Value = string | number | boolean | undefined;
type Listener = (event: Event) => void;
export type Child = Node | string | undefined | false;

/**
 * `h("a", { href: "/", class: "button" }, "Home")`. `onclick` and the like take functions; `true`
 * sets an empty attribute, `false` and `undefined` none.
 */
export function h<Name extends keyof HTMLElementTagNameMap>(
  name: Name,
  attributes: Readonly<Record<string, Value | Listener>> = {},
  ...children: Child[]
): HTMLElementTagNameMap[Name] {
  const element = document.createElement(name);
  for (const [key, value] of Object.entries(attributes)) {
    if (typeof value === "function") element.addEventListener(key.replace(/^on/, ""), value);
    else if (value === true) element.setAttribute(key, "");
    else if (value !== undefined && value !== false) element.setAttribute(key, String(value));
  }
  element.append(...children.filter((it) => it !== undefined && it !== false));
  return element;
}

/** The element with that id; an error where the view has none, for that is our mistake. */
export function byId<Kind extends HTMLElement = HTMLElement>(id: string): Kind {
  const element = document.getElementById(id);
  if (!element) throw new Error(`the page has no #${id}`);
  return element as Kind;
}

/** All elements of a selector, as an array. */
export function all<Kind extends HTMLElement = HTMLElement>(
  selector: string,
  within: ParentNode = document,
): Kind[] {
  return [...within.querySelectorAll<Kind>(selector)];
}

/** Sets a text only where it differs, so that a selection in it stays. */
export function setText(element: Element, text: string): void {
  if (element.textContent !== text) element.textContent = text;
}

export type Tone = "good" | "warn" | "bad" | "busy" | "idle";

/** A status: its word carries the meaning, the colour only helps. */
export function badge(tone: Tone, word: string): HTMLSpanElement {
  return h("span", { class: `badge ${tone}` }, word);
}

/** A small second line in a cell. */
export function note(text: string): HTMLSpanElement {
  return h("span", { class: "note" }, text);
}

const SVG = "http://www.w3.org/2000/svg";

/** An SVG element with attributes. */
export function svg(
  name: string,
  attributes: Readonly<Record<string, string | number>>,
  ...children: Node[]
): SVGElement {
  const element = document.createElementNS(SVG, name);
  for (const [key, value] of Object.entries(attributes)) element.setAttribute(key, String(value));
  element.append(...children);
  return element;
}
