// The pages of the shop are the same for everybody, so the number on the cart button comes by itself.

const badge = document.querySelector('#cart-count')

function showCount(count) {
  badge.textContent = count
  badge.hidden = count === 0
  badge.setAttribute('aria-label', `${count} in the cart`)
}

async function loadCount() {
  const response = await fetch('/cart/count')
  if (response.ok) showCount((await response.json()).count)
}

loadCount().catch(() => {})

// A page that comes back from the browser's memory may show an older number.
addEventListener('pageshow', (event) => {
  if (event.persisted) loadCount().catch(() => {})
})

// Adding to the cart stays on the page; without this script the form leads to the cart.
document.querySelector('form.buy')?.addEventListener('submit', async (event) => {
  event.preventDefault()
  const form = event.currentTarget
  const status = form.querySelector('[role=status]')
  try {
    const response = await fetch(form.action, {
      method: 'POST',
      headers: { Accept: 'application/json' },
      body: new URLSearchParams(new FormData(form)),
    })
    if (!response.ok) throw new Error(response.statusText)
    showCount((await response.json()).count)
    status.textContent = 'Added to your cart.'
    status.className = 'stock added'
  } catch {
    form.submit()
  }
})

// Choosing an order is enough; the button is for those without this script.
for (const select of document.querySelectorAll('.list-head select')) {
  select.form.querySelector('button').hidden = true
  select.addEventListener('change', () => select.form.requestSubmit())
}

// The cache page renews its numbers while somebody looks at it.
if (document.querySelector('#live')) {
  setInterval(async () => {
    if (document.hidden) return
    try {
      const page = await (await fetch(location.href)).text()
      const fresh = new DOMParser().parseFromString(page, 'text/html').querySelector('#live')
      if (fresh) document.querySelector('#live').replaceChildren(...fresh.childNodes)
    } catch {
      // The shop is closed; the last numbers stay.
    }
  }, 3000)
}
