from ._examine import examine as examine
