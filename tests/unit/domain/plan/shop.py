"""A scripted repository: the files of a shop, what they define and import, what was changed together, and twelve tasks
with the files that the change for each of them touched.

`MODULES` is the whole of it; `sources` writes it out as programs that can be parsed. The tasks are worded as people
word them: some name a file, some a function, some only what the shop is to do.
"""

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import permutations
from posixpath import dirname, normpath

from coordination.domain.file_index import CoChange, FileIndex, IndexedFile

# path -> (what it imports, what it defines)
MODULES: dict[str, tuple[tuple[str, ...], tuple[str, ...]]] = {
    "shop/__init__.py": ((), ("VERSION",)),
    "shop/settings.py": ((), ("Settings", "load_settings")),
    "shop/clock.py": ((), ("utc_now",)),
    "shop/retry.py": (("shop.clock",), ("RetryPolicy", "with_retry")),
    "shop/log.py": ((), ("configure_logging",)),
    "shop/cli.py": (("shop.settings", "shop.log"), ("main",)),
    "shop/accounts/__init__.py": ((), ()),
    "shop/accounts/user.py": ((), ("User", "find_user")),
    "shop/accounts/password.py": ((), ("hash_password", "verify_password")),
    "shop/accounts/login.py": (
        ("shop.accounts.user", "shop.accounts.password", "shop.clock"),
        ("open_session", "LoginFailed"),
    ),
    "shop/accounts/permissions.py": (("shop.accounts.user",), ("may", "Role")),
    "shop/billing/__init__.py": ((), ()),
    "shop/billing/money.py": ((), ("Money", "round_half_even")),
    "shop/billing/tax.py": (("shop.billing.money",), ("vat_rate", "add_vat")),
    "shop/billing/invoice.py": (
        ("shop.billing.money", "shop.billing.tax"),
        ("Invoice", "render_invoice"),
    ),
    "shop/billing/payment.py": (("shop.billing.money", "shop.retry"), ("charge_card", "PaymentFailed")),
    "shop/billing/refund.py": (("shop.billing.payment",), ("issue_refund",)),
    "shop/catalog/__init__.py": ((), ()),
    "shop/catalog/product.py": (("shop.billing.money",), ("Product", "Variant")),
    "shop/catalog/search.py": (("shop.catalog.product",), ("search_products", "rank_results")),
    "shop/catalog/stock.py": (("shop.catalog.product",), ("reserve_stock", "release_stock")),
    "shop/catalog/reviews.py": (("shop.catalog.product", "shop.accounts.user"), ("post_review",)),
    "shop/orders/__init__.py": ((), ()),
    "shop/orders/cart.py": (("shop.catalog.product",), ("Cart", "add_line")),
    "shop/orders/discount.py": (("shop.billing.money",), ("apply_voucher", "Voucher")),
    "shop/orders/checkout.py": (
        ("shop.orders.cart", "shop.catalog.stock", "shop.billing.payment", "shop.orders.discount"),
        ("place_order",),
    ),
    "shop/orders/shipping.py": (("shop.billing.money",), ("shipping_cost", "Carrier")),
    "shop/orders/tracking.py": (("shop.orders.shipping",), ("track_parcel",)),
    "shop/mail/__init__.py": ((), ()),
    "shop/mail/sender.py": (("shop.retry", "shop.settings"), ("send_mail",)),
    "shop/mail/templates.py": ((), ("order_confirmation", "password_reset")),
    "shop/mail/newsletter.py": (("shop.mail.sender",), ("subscribe", "unsubscribe")),
    "shop/api/__init__.py": ((), ()),
    "shop/api/routes.py": (("shop.orders.checkout", "shop.accounts.login"), ("build_routes",)),
    "shop/api/serializers.py": (("shop.catalog.product", "shop.orders.cart"), ("to_json",)),
    "shop/api/errors.py": ((), ("ApiError",)),
    "shop/api/throttle.py": (("shop.clock",), ("TokenBucket", "throttled")),
    "shop/db/__init__.py": ((), ()),
    "shop/db/schema.py": ((), ("TABLES",)),
    "shop/db/connection.py": (("shop.settings",), ("connect", "transaction")),
    "shop/db/migrations/0001_initial.py": ((), ("upgrade",)),
    "shop/db/backup.py": (("shop.db.connection",), ("dump_database",)),
    "tests/test_login.py": (("shop.accounts.login",), ("test_login",)),
    "tests/test_password.py": (("shop.accounts.password",), ("test_hash",)),
    "tests/test_invoice.py": (("shop.billing.invoice",), ("test_invoice",)),
    "tests/test_payment.py": (("shop.billing.payment",), ("test_payment",)),
    "tests/test_search.py": (("shop.catalog.search",), ("test_search",)),
    "tests/test_checkout.py": (("shop.orders.checkout",), ("test_checkout",)),
    "tests/test_shipping.py": (("shop.orders.shipping",), ("test_shipping",)),
    "tests/test_throttle.py": (("shop.api.throttle",), ("test_throttle",)),
    "web/src/client.ts": ((), ("request", "ApiClient")),
    "web/src/format/price.ts": ((), ("formatPrice",)),
    "web/src/format/date.ts": ((), ("formatDate",)),
    "web/src/views/CartView.tsx": (("../client", "../format/price"), ("CartView",)),
    "web/src/views/ProductList.tsx": (("../client", "../format/price"), ("ProductList",)),
    "web/src/views/LoginForm.tsx": (("../client",), ("LoginForm",)),
    "web/src/views/OrderHistory.tsx": (("../client", "../format/date"), ("OrderHistory",)),
    "web/src/main.tsx": (("./views/CartView", "./views/ProductList", "./views/LoginForm"), ("App",)),
    "docs/payments.md": ((), ()),
    "docs/search.md": ((), ()),
    "docs/api.md": ((), ()),
    "README.md": ((), ()),
    "pyproject.toml": ((), ()),
}

# Each entry is a commit, oldest first; the first one adds everything.
HISTORY: tuple[tuple[str, ...], ...] = (
    ("shop/db/schema.py", "shop/db/migrations/0001_initial.py", "shop/catalog/product.py"),
    ("shop/billing/payment.py", "docs/payments.md", "tests/test_payment.py"),
    ("shop/accounts/login.py", "tests/test_login.py"),
    ("shop/catalog/search.py", "docs/search.md", "tests/test_search.py"),
    ("shop/billing/payment.py", "docs/payments.md"),
    ("shop/mail/templates.py", "shop/mail/sender.py"),
    ("shop/accounts/user.py", "shop/db/schema.py"),
    ("shop/catalog/search.py", "docs/search.md"),
    ("shop/orders/checkout.py", "shop/api/routes.py", "tests/test_checkout.py"),
    ("shop/accounts/user.py", "shop/db/schema.py", "shop/accounts/permissions.py"),
    ("shop/billing/invoice.py", "tests/test_invoice.py", "shop/mail/templates.py"),
    ("shop/billing/payment.py", "docs/payments.md", "shop/billing/refund.py"),
    ("shop/api/throttle.py", "shop/api/routes.py"),
    ("shop/catalog/search.py", "docs/search.md", "tests/test_search.py"),
    ("web/src/views/CartView.tsx", "shop/api/serializers.py"),
    ("shop/orders/shipping.py", "tests/test_shipping.py"),
    ("shop/accounts/login.py", "web/src/views/LoginForm.tsx"),
    ("shop/accounts/user.py", "shop/db/schema.py"),
    ("shop/api/throttle.py", "tests/test_throttle.py", "shop/api/routes.py"),
    ("web/src/views/CartView.tsx", "shop/api/serializers.py"),
    ("README.md", "pyproject.toml"),
    ("shop/orders/shipping.py", "tests/test_shipping.py"),
    ("shop/billing/invoice.py", "shop/mail/templates.py"),
    ("shop/accounts/login.py", "tests/test_login.py"),
)


@dataclass(frozen=True, slots=True)
class Known:
    """A task, and the files that were changed for it."""

    id: str
    description: str
    files: frozenset[str]


TASKS: tuple[Known, ...] = (
    Known(
        "pdf-invoices",
        "Send invoices as PDF: render_invoice returns bytes, and the order confirmation mail attaches them.",
        frozenset({"shop/billing/invoice.py", "tests/test_invoice.py", "shop/mail/templates.py"}),
    ),
    Known(
        "fuzzy-search",
        "Make product search tolerate typing mistakes.",
        frozenset({"shop/catalog/search.py", "tests/test_search.py", "docs/search.md"}),
    ),
    Known(
        "argon2",
        "Store passwords with argon2 instead of bcrypt.",
        frozenset({"shop/accounts/password.py", "tests/test_password.py"}),
    ),
    Known(
        "money-currency",
        "Give `Money` a currency: a new required argument, so all callers change.",
        frozenset(
            {
                "shop/billing/money.py",
                "shop/billing/tax.py",
                "shop/billing/invoice.py",
                "shop/billing/payment.py",
                "shop/catalog/product.py",
                "shop/orders/discount.py",
                "shop/orders/shipping.py",
            }
        ),
    ),
    Known(
        "backoff",
        "The retry policy should wait longer after each failure, with jitter.",
        frozenset({"shop/retry.py"}),
    ),
    Known(
        "user-phone",
        "Add a phone number to shop/accounts/user.py.",
        frozenset({"shop/accounts/user.py", "shop/db/schema.py"}),
    ),
    Known(
        "carrier-costs",
        "shipping_cost should ask the carrier for the price of heavy parcels.",
        frozenset({"shop/orders/shipping.py", "tests/test_shipping.py"}),
    ),
    Known(
        "charge-rename",
        "Rename charge_card to charge and let it take a payment method.",
        frozenset(
            {
                "shop/billing/payment.py",
                "shop/billing/refund.py",
                "shop/orders/checkout.py",
                "tests/test_payment.py",
                "docs/payments.md",
            }
        ),
    ),
    Known(
        "throttle-by-user",
        "TokenBucket counts per user instead of per address.",
        frozenset({"shop/api/throttle.py", "shop/api/routes.py", "tests/test_throttle.py"}),
    ),
    Known(
        "cart-quantities",
        "Show quantities in the cart view and let people change them there.",
        frozenset({"web/src/views/CartView.tsx", "shop/api/serializers.py"}),
    ),
    Known(
        "backup-compressed",
        "dump_database writes compressed files.",
        frozenset({"shop/db/backup.py"}),
    ),
    Known(
        "price-locale",
        "Change the signature of formatPrice: it takes the locale of the visitor.",
        frozenset({"web/src/format/price.ts", "web/src/views/CartView.tsx", "web/src/views/ProductList.tsx"}),
    ),
)


def index() -> FileIndex:
    """What the index of this repository is, by definition."""
    files = tuple(
        IndexedFile(path, symbols, tuple(found for name in imports if (found := _resolved(path, name))))
        for path, (imports, symbols) in MODULES.items()
    )
    changes = Counter(path for commit in HISTORY for path in commit)
    together: Counter[tuple[str, str]] = Counter()
    met = Counter(pair for commit in HISTORY for pair in permutations(commit, 2))
    for commit in HISTORY:
        for pair in permutations(commit, 2):
            together[pair] += 1 / (len(commit) - 1)  # pyright: ignore[reportArgumentType]  counters count in floats too
    weights = (
        CoChange(path, other, round(count / changes[path] * (1.0 if met[path, other] > 1 else 0.5), 3))
        for (path, other), count in together.items()
    )
    return FileIndex(files, tuple(sorted(weights, key=lambda one: (one.path, one.other))))


def _resolved(path: str, name: str) -> str | None:
    if path.endswith(".py"):
        return next(
            (found for end in (".py", "/__init__.py") if (found := name.replace(".", "/") + end) in MODULES),
            None,
        )
    below = normpath(f"{dirname(path)}/{name}")
    return next((below + end for end in (".ts", ".tsx") if below + end in MODULES), None)


def sources() -> Iterator[tuple[str, str]]:
    """Yield path and content of every file."""
    for path, (imports, symbols) in MODULES.items():
        write = {"py": _python, "ts": _typescript, "tsx": _typescript}.get(path.rpartition(".")[2], _prose)
        yield path, write(imports, symbols)


def _python(imports: tuple[str, ...], symbols: tuple[str, ...]) -> str:
    lines = [f"import {name}" for name in imports]
    for symbol in symbols:
        if symbol.isupper():
            lines.append(f"{symbol} = 1")
        elif symbol[0].isupper():
            lines.append(f"class {symbol}:\n    pass")
        else:
            lines.append(f"def {symbol}():\n    pass")
    return "\n\n".join(lines) + "\n"


def _typescript(imports: tuple[str, ...], symbols: tuple[str, ...]) -> str:
    lines = [f'import * as part{number} from "{name}";' for number, name in enumerate(imports)]
    return "\n".join([*lines, *(f"export function {symbol}() {{}}" for symbol in symbols)]) + "\n"


def _prose(_imports: tuple[str, ...], _symbols: tuple[str, ...]) -> str:
    return "Words for people.\n"
