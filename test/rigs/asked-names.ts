/** Loaded before the gateway's own code: names are asked of the server that a test has. */
import { setServers } from "node:dns";

setServers([process.env["JACKFIELD_TEST_NAMES"] ?? ""]);
