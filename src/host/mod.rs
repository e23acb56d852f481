//! The kernel's side: sockets, their owners, namespaces, and the sandbox.
