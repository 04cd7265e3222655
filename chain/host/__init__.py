"""The runtime's WASM executed in this process; no clock, no randomness, no sockets.

From the bottom up:

``engine``, ``vm``, ``cache``, ``code``    a WebAssembly machine that has never heard of Substrate
``companion``                              the runtime's heap and its hashes, themselves WebAssembly
``functions``                              the table of host functions, a file a group
``node``, ``edit``, ``trie``, ``proof``    the state as a persistent Patricia-Merkle trie
``overlay``                                what a call changes, in nested transactions
``executor``                               all of it together, as below

Example::

    executor = Executor(code)
    overlay = Overlay(state)
    outcome = executor.call("Core_initialize_block", header, overlay)
    state = overlay.applied(executor.version.state_version)
"""
