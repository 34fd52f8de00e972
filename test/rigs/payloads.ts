/**
 * W6: what a stranger might write wherever a text of its own is kept and shown. Each that a browser
 * would run says so by `globalThis.hacked`.
 */
export const PAYLOADS: readonly string[] = [
  // Elements and their events.
  "<script>globalThis.hacked=1</script>",
  "<img src=x onerror=globalThis.hacked=1>",
  '"><svg/onload=globalThis.hacked=1>',
  "'><svg onload='globalThis.hacked=1'>",
  "<body onload=globalThis.hacked=1>",
  "<iframe srcdoc='<script>parent.hacked=1</script>'>",
  "<iframe src=javascript:parent.hacked=1>",
  "<details open ontoggle=globalThis.hacked=1>",
  "<video><source onerror=globalThis.hacked=1>",
  "<input autofocus onfocus=globalThis.hacked=1>",
  "<math><mtext></form><form><mglyph><style></math><img src=x onerror=globalThis.hacked=1>",
  "<svg><animate onbegin=globalThis.hacked=1 attributeName=x dur=1s>",
  "<svg><script>globalThis.hacked=1</script></svg>",
  "<object data='data:text/html,<script>parent.hacked=1</script>'>",
  "<embed src='javascript:globalThis.hacked=1'>",
  "<link rel=stylesheet href=data:,*{background:red}>",
  "<meta http-equiv=refresh content='0;url=javascript:globalThis.hacked=1'>",
  "<base href=//evil.example/>",
  "<style>@import'//evil.example/x.css';</style>",
  // Out of what they are put into.
  "</script></title><script>globalThis.hacked=1</script>",
  "</textarea><script>globalThis.hacked=1</script>",
  "</pre></details><script>globalThis.hacked=1</script>",
  "]]><script>globalThis.hacked=1</script>",
  "--><script>globalThis.hacked=1</script>",
  '" autofocus onfocus="globalThis.hacked=1" x="',
  "' onmouseover='globalThis.hacked=1' x='",
  "` onclick=globalThis.hacked=1 x=`",
  "</option></select><img src=x onerror=globalThis.hacked=1>",
  // Other ways to be run.
  "javascript:globalThis.hacked=1",
  "java\tscript:globalThis.hacked=1",
  "data:text/html,<script>globalThis.hacked=1</script>",
  "{{constructor.constructor('globalThis.hacked=1')()}}",
  // biome-ignore lint/suspicious/noTemplateCurlyInString: a template is what it is for.
  "${globalThis.hacked=1}",
  "&lt;script&gt;globalThis.hacked=1&lt;/script&gt;",
  "\\x3cscript\\x3eglobalThis.hacked=1\\x3c/script\\x3e",
  "<ScRiPt >globalThis.hacked=1</sCrIpT >",
  "<scr<script>ipt>globalThis.hacked=1</scr</script>ipt>",
  // What misleads the eye, and spreadsheets.
  "\u202egnp.exe<b>bold</b>",
  "=cmd|' /C calc'!A0",
  "__proto__",
];
