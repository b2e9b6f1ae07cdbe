//! The scale language: parse, type, bound and exactly evaluate an issuer's formula.
