/** @jsxImportSource hono/jsx */
/** /welcome: the set-up, step by step. Each step shows; what it saves goes by the API. */
import { Hono } from "hono";
import { PRESETS } from "../presets.ts";
import type { AdminEnv, Services } from "../services.ts";
import { page } from "../views/page.tsx";
import { CallStep, ConnectedStep, ConnectionStep, UserStep } from "../views/welcome-forms.tsx";
import { NetworkStep, nextStep, PresetStep } from "../views/welcome-page.tsx";

export function welcome(services: Services): Hono<AdminEnv> {
  const { gateway, store } = services;
  return new Hono<AdminEnv>()
    .get("/", async (context) => context.redirect(`/welcome/${nextStep(await store.load())}`))
    .get("/network", async (context) =>
      page(context, <NetworkStep config={await store.load()} status={gateway.status()} />),
    )
    .get("/connection", async (context) => {
      const config = await store.load();
      const { preset: id, another } = context.req.query();
      const preset = PRESETS.find((it) => it.id === id);
      if (preset) return page(context, <ConnectionStep config={config} preset={preset} />);
      const isNew = config.connections.length === 0 || another !== undefined;
      return page(
        context,
        isNew ? <PresetStep config={config} /> : <ConnectedStep config={config} />,
      );
    })
    .get("/user", async (context) => page(context, <UserStep config={await store.load()} />))
    .get("/call", async (context) => page(context, <CallStep config={await store.load()} />));
}
