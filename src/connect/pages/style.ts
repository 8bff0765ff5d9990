/** The style sheet of all pages: light or dark as the browser is, and one column on a phone. */
export const STYLE = `:root {
	color-scheme: light dark;
	--ground: #f6f7f9; --card: #ffffff; --line: #d9dfe6; --text: #17212b; --soft: #4a5866; --link: #1a569b;
	--button: #1a569b; --button-hover: #14447b; --on-button: #ffffff; --field: #73808e; --danger: #a3241b;
	--good: #17633a; --good-ground: #e3f3e9; --warn: #7a4a00; --warn-ground: #fdf0d8; --none: #4a5866; --none-ground: #eceff3;
}
@media (prefers-color-scheme: dark) {
	:root {
		--ground: #11161c; --card: #1a212a; --line: #323d49; --text: #e7ecf1; --soft: #a9b5c1; --link: #8fc1ff;
		--button: #8fc1ff; --button-hover: #b5d6ff; --on-button: #0b1a2b; --field: #8492a0; --danger: #ff9d94;
		--good: #86dba6; --good-ground: #14301f; --warn: #f4c36d; --warn-ground: #35270c; --none: #b4bfca; --none-ground: #28313c;
	}
}
* { box-sizing: border-box; }
html { -webkit-text-size-adjust: 100%; }
body { margin: 0; font: 1rem/1.55 system-ui, -apple-system, "Segoe UI", Roboto, "Helvetica Neue", Arial, sans-serif; color: var(--text); background: var(--ground); }
a { color: var(--link); text-underline-offset: .18em; }
:focus-visible { outline: 3px solid var(--link); outline-offset: 2px; border-radius: 4px; }
main:focus { outline: none; }
.hidden { position: absolute; width: 1px; height: 1px; overflow: hidden; clip-path: inset(50%); white-space: nowrap; }
.skip { position: absolute; left: 1rem; top: -4rem; padding: .5rem 1rem; background: var(--card); border: 1px solid var(--line); border-radius: 6px; }
.skip:focus { top: .5rem; z-index: 1; }
.top { background: var(--card); border-bottom: 1px solid var(--line); }
.bar { display: flex; flex-wrap: wrap; gap: .5rem 1rem; align-items: center; justify-content: space-between; max-width: 46rem; margin: 0 auto; padding: .75rem 1.25rem; }
.brand { display: inline-flex; gap: .5rem; align-items: center; font-weight: 650; color: var(--text); text-decoration: none; letter-spacing: .01em; }
.person { display: flex; gap: .75rem; align-items: center; min-width: 0; }
.who { color: var(--soft); overflow-wrap: anywhere; }
main { max-width: 46rem; margin: 0 auto; padding: 2rem 1.25rem 4rem; }
h1 { margin: 0 0 .5rem; font-size: 1.7rem; line-height: 1.25; letter-spacing: -.01em; overflow-wrap: anywhere; }
h2 { margin: 2.25rem 0 .6rem; font-size: 1.05rem; line-height: 1.3; color: var(--soft); overflow-wrap: anywhere; }
h3 { margin: 0; font-size: 1.05rem; line-height: 1.35; overflow-wrap: anywhere; }
p { margin: 0 0 1rem; max-width: 38rem; overflow-wrap: anywhere; }
.lead { color: var(--soft); }
.rows { margin: 0; padding: 0; list-style: none; background: var(--card); border: 1px solid var(--line); border-radius: 10px; }
.row { display: grid; grid-template-columns: minmax(0, 1fr) auto; gap: .5rem 1.25rem; align-items: center; padding: 1rem 1.25rem; }
.row + .row { border-top: 1px solid var(--line); }
.title { display: flex; flex-wrap: wrap; gap: .3rem .6rem; align-items: center; }
.facts { margin: .2rem 0 0; color: var(--soft); font-size: .94rem; max-width: none; }
.facts b { font-weight: 600; color: var(--text); }
.trouble { margin: .35rem 0 0; font-size: .94rem; color: var(--warn); }
.state { display: inline-flex; gap: .4em; align-items: center; padding: .1rem .6rem; font-size: .84rem; font-weight: 600; border-radius: 1rem; white-space: nowrap; }
.state::before { content: ""; width: .55em; height: .55em; border: 2px solid currentColor; border-radius: 50%; }
.state.ok { color: var(--good); background: var(--good-ground); }
.state.ok::before { background: currentColor; }
.state.needs-attention { color: var(--warn); background: var(--warn-ground); }
.state.needs-attention::before { border-radius: 1px; rotate: 45deg; }
.state.none { color: var(--none); background: var(--none-ground); }
.actions { display: flex; flex-direction: column; gap: .5rem; }
.actions > *, .actions button { width: 100%; }
.actions form, .person form { margin: 0; }
button, .button { display: inline-block; min-height: 2.75rem; padding: .55rem 1.15rem; font: inherit; font-weight: 600; line-height: 1.5; text-align: center; text-decoration: none; color: var(--on-button); background: var(--button); border: 1px solid transparent; border-radius: 8px; cursor: pointer; }
button:hover, .button:hover { background: var(--button-hover); }
button.quiet, .button.quiet { font-weight: 500; color: var(--link); background: transparent; border-color: var(--field); }
button.quiet:hover, .button.quiet:hover { text-decoration: underline; background: transparent; }
button.danger { color: var(--danger); background: transparent; border-color: currentColor; }
button.danger:hover { text-decoration: underline; background: transparent; }
.card { padding: 1.5rem; background: var(--card); border: 1px solid var(--line); border-radius: 10px; }
.card > :last-child { margin-bottom: 0; }
.narrow { max-width: 30rem; margin: 6vh auto 0; }
.choices { display: grid; gap: .6rem; margin: 1.25rem 0 0; padding: 0; list-style: none; }
.choices .button { display: block; }
.note { margin: 0 0 1.25rem; padding: .75rem 1rem; max-width: none; color: var(--good); background: var(--good-ground); border-radius: 8px; }
label { display: block; margin: 1.1rem 0 .3rem; font-weight: 600; overflow-wrap: anywhere; }
input[type="password"] { width: 100%; min-height: 2.75rem; padding: .5rem .75rem; font: inherit; color: var(--text); background: var(--ground); border: 1px solid var(--field); border-radius: 8px; }
.hint { margin: .3rem 0 0; color: var(--soft); font-size: .94rem; }
.buttons { display: flex; flex-wrap: wrap; gap: .6rem; margin-top: 1.5rem; }
.buttons form { margin: 0; }
.fine { margin-top: 1.5rem; color: var(--soft); font-size: .88rem; overflow-wrap: anywhere; }
@media (max-width: 34rem) {
	main { padding-top: 1.5rem; }
	.row { grid-template-columns: minmax(0, 1fr); }
	.actions { flex-flow: row wrap; }
	.actions > *, .actions button { width: auto; }
	.person { width: 100%; justify-content: space-between; }
	.narrow { margin-top: 0; }
}
@media (forced-colors: active) { .state, .note { border: 1px solid; } }
`;

/** The icon in the tab of a browser. */
export const ICON_FILE = `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 24 24"><style>path{stroke:#1a569b}@media(prefers-color-scheme:dark){path{stroke:#8fc1ff}}</style><path d="M4 21V10a8 8 0 0 1 16 0v11M8.5 21V3M12 21V2.2M15.5 21V3M4 11h16M4 16h16" fill="none" stroke-width="1.8" stroke-linecap="round"/></svg>
`;
