// Sign in without leaving the page, so that a refusal can be said where it happened.

const form = document.querySelector("#login");
const problem = document.querySelector("#problem");
const button = form.querySelector("button");

form.addEventListener("submit", async (event) => {
  event.preventDefault();
  if (button.getAttribute("aria-disabled") === "true") return;
  button.setAttribute("aria-disabled", "true");
  problem.textContent = "";
  const said = await signIn().catch(() => "The desk does not answer. Try again in a moment.");
  button.removeAttribute("aria-disabled");
  if (said === null) {
    location.assign("./");
    return;
  }
  problem.textContent = said;
  form.elements.password.select();
});

/** null when signed in, else what to tell the person. */
async function signIn() {
  const response = await fetch("v1/login", { method: "POST", body: new URLSearchParams(new FormData(form)), credentials: "same-origin" });
  if (response.ok) return null;
  const said = await response.json().catch(() => ({}));
  if (said.message) return `${said.message} ${said.advice ?? ""}`.trim();
  return response.status === 401 ? "Name or password is wrong." : `The desk answered ${response.status}. Try again in a moment.`;
}
