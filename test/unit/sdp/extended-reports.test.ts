import { expect, test } from "bun:test";
import {
  describeExtendedReports,
  extendedReportsOf,
} from "../../../gateway/sdp/extended-reports.ts";
import type { MediaDescription } from "../../../gateway/sdp/session-description.ts";

function asking(value: string | undefined): MediaDescription {
  const attributes = value === undefined ? [] : [{ name: "rtcp-xr", value }];
  return { kind: "audio", port: 1, protocol: "RTP/AVP", formats: ["8"], attributes };
}

test("RFC 3611 §5: of what a peer asks for, what we have", () => {
  const wanted = (value?: string) => extendedReportsOf(asking(value)).extendedReports;
  expect(wanted("rcvr-rtt=all:10000 stat-summary=loss voip-metrics")).toEqual({
    voip: true,
    roundTrip: true,
  });
  expect(wanted("voip-metrics")).toEqual({ voip: true, roundTrip: false });
  expect(wanted("pkt-loss-rle")).toBeUndefined();
  expect(wanted("")).toBeUndefined();
  expect(wanted()).toBeUndefined();
});

test("an answer asks for no round trips the offer left out", () => {
  expect(describeExtendedReports(undefined)).toEqual([]);
  expect(describeExtendedReports({ voip: true, roundTrip: false })[0]?.value).toBe("voip-metrics");
});
