//! A simulated, censored internet in network namespaces.
