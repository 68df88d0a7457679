//! The engine on examples that people would tell.
