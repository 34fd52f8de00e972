/**
 * What to write into a PBX so that it registers here (REG-08): whole files' worth of text for
 * Asterisk, FreeSWITCH and 3CX, with this gateway's address and the connection's name in them. The
 * password is known at one moment only; else a word stands in its place.
 */
import type { NetworkStatus } from "../gateway/b2bua/status.ts";
import type { Connection } from "../schema/config.ts";

export interface Snippet {
  readonly product: string;
  /** The file or the page it belongs into. */
  readonly where: string;
  readonly text: string;
}

interface Facts {
  readonly name: string;
  readonly username: string;
  readonly password: string;
  readonly host: string;
  readonly port: number;
  readonly transport: "udp" | "tcp" | "tls";
}

const PASSWORD_PLACE = "PASSWORD";
/** Well above the 60 s least, so that a lost REGISTER is made up for in time. */
const EXPIRES_SECONDS = 120;

export function snippetsOf(
  connection: Connection,
  network: NetworkStatus,
  password: string = PASSWORD_PLACE,
): Snippet[] {
  const { username = "", transport, name } = connection;
  const chosen = transport === "auto" ? "udp" : transport;
  const { host, sipPort, sipTlsPort } = network;
  const port = chosen === "tls" ? (sipTlsPort ?? 5_061) : sipPort;
  const facts: Facts = { name, username, password, host, port, transport: chosen };
  return [asterisk(facts), freeSwitch(facts), threeCx(facts)];
}

function asterisk({ username, password, host, port, transport }: Facts): Snippet {
  const at = `${bracketed(host)}:${port}`;
  const suffix = transport === "udp" ? "" : `\\;transport=${transport}`;
  const text = `[jackfield-auth]
type=auth
auth_type=userpass
username=${username}
password=${password}

[jackfield-reg]
type=registration
transport=transport-${transport}
outbound_auth=jackfield-auth
server_uri=sip:${at}${suffix}
client_uri=sip:${username}@${at}
contact_user=${username}
expiration=${EXPIRES_SECONDS}
retry_interval=60
forbidden_retry_interval=600
max_retries=10000
line=yes
endpoint=jackfield

[jackfield]
type=aor
contact=sip:${at}${suffix}
qualify_frequency=60

[jackfield]
type=endpoint
transport=transport-${transport}
context=from-jackfield
disallow=all
allow=g722,alaw,ulaw
dtmf_mode=rfc4733
aors=jackfield
outbound_auth=jackfield-auth
from_user=${username}
from_domain=${host}
rtp_symmetric=yes
direct_media=no
`;
  return { product: "Asterisk", where: "pjsip.conf", text };
}

function freeSwitch({ username, password, host, port, transport }: Facts): Snippet {
  const text = `<include>
  <gateway name="jackfield">
    <param name="username" value="${username}"/>
    <param name="password" value="${password}"/>
    <param name="realm" value="${bracketed(host)}:${port}"/>
    <param name="proxy" value="${bracketed(host)}:${port}"/>
    <param name="from-user" value="${username}"/>
    <param name="from-domain" value="${host}"/>
    <param name="extension-in-contact" value="true"/>
    <param name="register" value="true"/>
    <param name="register-transport" value="${transport}"/>
    <param name="expire-seconds" value="${EXPIRES_SECONDS}"/>
    <param name="retry-seconds" value="60"/>
    <param name="ping" value="60"/>
  </gateway>
</include>
`;
  return { product: "FreeSWITCH", where: "sip_profiles/external/jackfield.xml", text };
}

function threeCx({ name, username, password, host, port, transport }: Facts): Snippet {
  const text = `Template:                   Generic SIP Trunk (registration)
Name of trunk:              ${name}
Registrar/Server hostname:  ${host}
Port:                       ${port}
Transport protocol:         ${transport.toUpperCase()}
Type of authentication:     Register/Account based
Authentication ID:          ${username}
Authentication password:    ${password}
Re-register timeout:        ${EXPIRES_SECONDS}
Codec priority:             G722, G.711 A-law, G.711 U-law
`;
  return { product: "3CX", where: "Voice & Chat → Add trunk", text };
}

function bracketed(host: string): string {
  return host.includes(":") ? `[${host}]` : host;
}
