/** Runs in the browser: one softphone, and the ears and hands a test has in its page. */
import { hear, listen } from "./ear.ts";
import { jssipSoftphone } from "./jssip-softphone.ts";
import { codecs, keepConnections, packets } from "./media-reports.ts";
import { hum, installMicrophone } from "./microphone.ts";
import { sipjsSoftphone } from "./sipjs-softphone.ts";
import { installWire, wire } from "./wire.ts";

installMicrophone();
keepConnections();
installWire();

const make = location.pathname === "/jssip" ? jssipSoftphone : sipjsSoftphone;
globalThis.softphone = { ...make(hear), listen, hum, wire, packets, codecs };
