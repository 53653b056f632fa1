"""The live page: what it shows, how it stays live, and how to sign in.

Modules:

    page              the page and its form
    templates         HTML from templates
    stream            everything live, on one connection
    history           the last trades, and what charts begin with
    sidecar_feed      polls the sidecar, once for all pages
    sidecar_state     what `/state` says, and its age
    position_summary  rows and totals by currency (no I/O)
    shared_summaries  events about positions, made once for all pages
    pnl_history       an hour of net P&L (no I/O)
    sign_in           signing in and out
    docs_page         GET /docs
    import_page       GET /import
    history_page      GET /history
    problem_page      shows browsers an error as a page
"""
