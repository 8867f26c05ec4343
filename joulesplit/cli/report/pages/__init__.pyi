from ._document import decision_document as decision_document
from ._document import profile_document as profile_document
