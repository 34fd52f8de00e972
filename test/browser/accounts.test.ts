/**
 * Accounts as people meet them: an admin makes one, who logs in by it sees what it may, is offered
 * nothing else, and changes the password.
 */
import { afterAll, beforeAll, expect, test } from "bun:test";
import { CHROMIUM, type Desk, openDesk } from "../rigs/admin-desk.ts";
import { furnish } from "../rigs/admin-sample.ts";

const PASSWORD = "a viewer's long password";
const RENEWED = "a newer and longer password";

let desk: Desk;
beforeAll(async () => {
  if (CHROMIUM === null) return;
  desk = await openDesk();
  await furnish(desk);
});
afterAll(() => desk?.close());

async function logInAs(name: string, password: string): Promise<void> {
  const { page, url } = desk;
  await page.goto(`${url}/login`);
  await page.getByLabel("Name").fill(name);
  await page.getByLabel("Password").fill(password);
  await page.getByRole("button", { name: "Log in" }).click();
  await page.waitForURL(`${url}/`);
}

test.skipIf(CHROMIUM === null)(
  "an admin adds an account; who logs in by it is offered what a viewer may, and no more",
  async () => {
    const { page, url, complaints } = desk;
    await page.goto(`${url}/settings/accounts`);
    await page.getByLabel("Name").fill("anna");
    await page.getByLabel("Role").selectOption("viewer");
    await page.getByLabel("Password").fill("too short");
    await page.getByRole("button", { name: "Add the account" }).click();
    await page.getByText("at least 12 characters are expected").first().waitFor();
    await page.getByLabel("Password").fill(PASSWORD);
    await page.getByRole("button", { name: "Add the account" }).click();
    await page.locator("#accounts tbody tr", { hasText: "anna" }).waitFor();
    await page.getByRole("link", { name: "anna" }).click();
    await page.getByLabel("Name").fill("hanna");
    await page.getByRole("button", { name: "Save" }).click();
    await page.locator("#accounts tbody tr", { hasText: "hanna" }).waitFor();
    // The browser tells of the refused form on its own.
    expect(complaints.splice(0).filter((it) => !it.includes("422"))).toEqual([]);

    await page.getByRole("button", { name: "Log out" }).click();
    await page.waitForURL(`${url}/login`);
    expect(await page.getByLabel("Name").inputValue()).toBe("");
    await logInAs("hanna", PASSWORD);
    expect(await page.getByRole("link", { name: "Audit" }).count()).toBe(0);
    await page.goto(`${url}/calls`);
    await page.locator("#live-state .badge", { hasText: "Live" }).waitFor();
    expect(await page.getByRole("link", { name: "CSV" }).count()).toBe(0);
    await page.goto(`${url}/users`);
    await page.locator("#users tbody tr").first().waitFor();
    expect(await page.getByRole("link", { name: "Add a user" }).count()).toBe(0);
    await page.goto(`${url}/users/1`);
    expect(await page.getByRole("button", { name: "Save" }).isDisabled()).toBe(true);
    expect(await page.getByRole("button", { name: "Delete" }).isDisabled()).toBe(true);
    await page.getByText("Your account may look only").waitFor();
    expect(complaints).toEqual([]);
    await page.goto(`${url}/settings/accounts`);
    await page.getByText("this needs the role operator, and hanna is a viewer").waitFor();
  },
  60_000,
);

test.skipIf(CHROMIUM === null)(
  "W13: who changes the password stays logged in, and the old one is worth nothing",
  async () => {
    const { page, url, client } = desk;
    const before = await page.context().cookies();
    await page.goto(`${url}/settings/password`);
    await page.getByLabel("The one you have").fill("not the old one");
    await page.getByLabel("The new one").fill(RENEWED);
    await page.getByRole("button", { name: "Change it" }).click();
    await page.getByText("this is not the password").first().waitFor();
    await page.getByLabel("The one you have").fill(PASSWORD);
    await page.getByRole("button", { name: "Change it" }).click();
    await page.getByText("Saved").waitFor();
    const idOf = (all: typeof before) => all.find(({ name }) => name === "jackfield")?.value;
    expect(idOf(await page.context().cookies()) === idOf(before)).toBe(false);
    await page.goto(`${url}/calls`);
    expect(page.url()).toBe(`${url}/calls`);
    const logIn = (password: string) => client.form("/login", { name: "hanna", password });
    expect((await logIn(PASSWORD)).status).toBe(401);
    expect((await logIn(RENEWED)).status).toBe(303);
  },
  60_000,
);
