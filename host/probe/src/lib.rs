//! The probe as a library: location, settings, modules, interpreter, results.
