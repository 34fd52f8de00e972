/**
 * What watchers of our own users are told: dialog-info (RFC 4235) for lamps, message-summary (RFC
 * 3842) for mailboxes, pidf (RFC 3863) for presence. Of a call nothing but its state and side: who
 * talks to whom is nobody else's business.
 */
import { utf8 } from "../bytes.ts";
import type { Body } from "../sip/build.ts";
import type { CallStatus } from "./status.ts";

export type CallSide = { readonly state: "early" | "confirmed"; readonly isCaller: boolean };

/** A user's calls, as lamps show them. */
export function sidesOf(user: string, calls: readonly CallStatus[]): CallSide[] {
  return calls.flatMap((call): CallSide[] => {
    const isCaller = call.direction !== "inbound" && call.caller === user;
    const isCallee = call.direction !== "outbound" && call.callee === user;
    if ((!isCaller && !isCallee) || call.state === "ending") return [];
    return [{ state: call.state === "connected" ? "confirmed" : "early", isCaller }];
  });
}

export function dialogInfo(entity: string, sides: readonly CallSide[], version: number): Body {
  const dialogs = sides.map(({ state, isCaller }, index) => {
    const direction = isCaller ? "initiator" : "recipient";
    return `<dialog id="d${index + 1}" direction="${direction}"><state>${state}</state></dialog>`;
  });
  const text = [
    '<?xml version="1.0" encoding="UTF-8"?>',
    '<dialog-info xmlns="urn:ietf:params:xml:ns:dialog-info"',
    ` version="${version}" state="full" entity="${escaped(entity)}">`,
    ...dialogs,
    "</dialog-info>",
    "",
  ];
  return { type: "application/dialog-info+xml", bytes: utf8(text.join("\r\n")) };
}

/** For a user without a mailbox anywhere. */
export function noMessages(entity: string): Body {
  const text = `Messages-Waiting: no\r\nMessage-Account: ${entity.replace(/[\r\n]/g, "")}\r\n`;
  return { type: "application/simple-message-summary", bytes: utf8(text) };
}

export function presence(entity: string, isOnline: boolean, sides: readonly CallSide[]): Body {
  const note = sides.length > 0 ? "<note>On the phone</note>" : "";
  const text = [
    '<?xml version="1.0" encoding="UTF-8"?>',
    `<presence xmlns="urn:ietf:params:xml:ns:pidf" entity="${escaped(entity)}">`,
    `<tuple id="phone"><status><basic>${isOnline ? "open" : "closed"}</basic></status>${note}</tuple>`,
    "</presence>",
    "",
  ];
  return { type: "application/pidf+xml", bytes: utf8(text.join("\r\n")) };
}

function escaped(text: string): string {
  return text.replace(/[<>&"']/g, (character) => `&#${character.charCodeAt(0)};`);
}
