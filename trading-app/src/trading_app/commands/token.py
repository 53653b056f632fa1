"""The command `trading-app token`: makes an API token, and the entry that stores it hashed."""

import argparse
import sys

from service_kit.access.tokens import MIN_PLAIN_CHARACTERS, entry_text, mint, read_scopes


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the command's arguments."""
    parser.add_argument("--scopes", default="ingest,read", help="ingest, read, admin; comma-separated (%(default)s)")
    parser.add_argument(
        "--account", action="append", default=[], help="an account it may send trades for, and no other; repeatable"
    )
    parser.add_argument(
        "--existing", action="store_true", help="take the token from a line of standard input, and make none"
    )


def run(arguments: argparse.Namespace) -> int:
    """Print the token, which nobody can tell later, and its entry; the exit code."""
    try:
        scopes = read_scopes(word.strip() for word in arguments.scopes.split(","))
    except ValueError as error:
        print(f"trading-app token: --scopes: {error}", file=sys.stderr)
        return 2
    if any(set(name) & set("+:,") or not name.strip() or name.split() != [name] for name in arguments.account):
        print("trading-app token: --account: a name without '+', ':', ',' and spaces is needed", file=sys.stderr)
        return 2
    if arguments.existing:
        token = sys.stdin.readline().strip()
        if not token:
            print("trading-app token: no token came on standard input", file=sys.stderr)
            return 2
        if len(token) < MIN_PLAIN_CHARACTERS:
            print(
                f"trading-app token: the token has {len(token)} characters, at least {MIN_PLAIN_CHARACTERS} are needed;"
                " without --existing a new one is made",
                file=sys.stderr,
            )
            return 2
    else:
        token = mint()
        print(f"token  {token}")
    print(f"entry  {entry_text(token, scopes, arguments.account)}")
    if not arguments.existing:
        print("The token is for the caller and is shown only now.", file=sys.stderr)
    print("Put the entry into WEBAPP_API_TOKENS or SIDECAR_API_TOKENS, and restart that app.", file=sys.stderr)
    return 0
