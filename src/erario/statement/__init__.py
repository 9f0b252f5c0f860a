"""What is said about a reserve, and what that is said from.

evidence       all that a statement is assessed from
finding        one checked thing
model          coins, movements, verdicts, the statement
codec          canonical JSON and the digest; `json_values`, `json_claims`: its parts
"""
