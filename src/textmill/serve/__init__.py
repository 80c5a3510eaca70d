"""`textmill serve`: a model over HTTP, as OpenAI's API has it, that keeps its word.

    HTTP ─▶ protocol (time, size) ─▶ app (key, language, origin) ─▶ body (strict JSON) ─▶ parameters (checked by name)
         ─▶ pool: template, tokens, grammar ─▶ dispatcher ─▶ engine's thread ─▶ answer ─▶ JSON, or events one by one

`parameters` says once what each route takes; validation, the OpenAPI document and the docs are made from it.
"""
