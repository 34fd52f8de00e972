/** Where who takes part listens, on loopback. */
export const PBX_PORT = 27_160;
export const PROXY_PORT = 27_170;
