"""`trading-app token`: makes an API token, and the entry that stores it hashed."""

import argparse
import sys

from service_kit.access.tokens import MIN_PLAIN_CHARACTERS, entry_text, mint, read_scopes


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the command's arguments."""
    parser.add_argument(
        "--scopes", default="ingest,read", help="ingest, correct, read, admin; comma-separated (%(default)s)"
    )
    parser.add_argument(
        "--account", action="append", default=[], help="the only account it may send trades for; repeatable"
    )
    parser.add_argument(
        "--existing", action="store_true", help="read the token from a line of standard input instead of making one"
    )


def run(arguments: argparse.Namespace) -> int:
    """Print the token, which is stored nowhere, and its entry. Returns the exit code: 2 for a wrong argument."""
    try:
        scopes = read_scopes(word.strip() for word in arguments.scopes.split(","))
    except ValueError as error:
        print(f"trading-app token: --scopes: {error}", file=sys.stderr)
        return 2
    if any(set(name) & set("+:,") or not name.strip() or name.split() != [name] for name in arguments.account):
        print("trading-app token: --account: the name must not have '+', ':', ',' or spaces", file=sys.stderr)
        return 2
    if arguments.existing:
        token = sys.stdin.readline().strip()
        if not token:
            print("trading-app token: no token came on standard input", file=sys.stderr)
            return 2
        if len(token) < MIN_PLAIN_CHARACTERS:
            print(
                f"trading-app token: the token has {len(token)} characters, at least {MIN_PLAIN_CHARACTERS} are needed;"
                " leave out --existing to make a new one",
                file=sys.stderr,
            )
            return 2
    else:
        token = mint()
        print(f"token  {token}")
    print(f"entry  {entry_text(token, scopes, arguments.account)}")
    if not arguments.existing:
        print("Give the token to the caller. It is not shown again.", file=sys.stderr)
    print(
        "Put the entry into WEBAPP_API_TOKENS, or into the same setting of another program, and restart that program.",
        file=sys.stderr,
    )
    return 0
