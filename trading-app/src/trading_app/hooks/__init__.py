"""Webhooks: messages of bots and services that can't send trades in our terms.

Modules:

    hook       one webhook, its secrets
    file       reads config/webhooks.yml
    reload     takes changes of the file while the app serves
    gate       which hook a request may reach
    message    a message's bytes as members
    readings   what a message turns out to be
    reader     reads the messages of one hook
    preset     the presets: what makes two messages the same
    mappings   how messages are read: those of the presets are in the folder presets
    missing    what a message would have to have more
    identity   ids made from what a message says
    outcome    what became of a message
    commit     fills and events of messages into the journal
    waiting    messages that the journal did not take
    intake     from bytes to fills in the ledger
    trial      what messages would become
    edit       adds hooks to the file, rotates secrets
    kept       messages that are in no journal, on disk
    keeping    keeps messages that arrive together
    backup     the part of a backup: file, mappings, kept messages
    documents  answers and their schemas
    routes     the calls
"""
