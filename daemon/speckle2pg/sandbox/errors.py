"""The errors a Speckle server reports, with the codes and statuses of the real one.

A GraphQL resolver that raises one of these answers HTTP 200 with `errors[].extensions.{code, statusCode}`.
"""

from __future__ import annotations

from typing import ClassVar


class SpeckleError(Exception):
    """Something the server refuses; `code` and `status` go to the client as they are."""

    code: ClassVar[str] = "INTERNAL_SERVER_ERROR"
    status: ClassVar[int] = 500

    def __init__(self, message: str, **details: object) -> None:
        super().__init__(message)
        self.details = details

    @property
    def extensions(self) -> dict[str, object]:
        """What the real server puts beside the message of a GraphQL error."""
        return {"code": self.code, **self.details, "statusCode": self.status}


class ForbiddenError(SpeckleError):
    """The caller is known, or anonymous, and may not do this."""

    code = "FORBIDDEN"
    status = 403


class UnauthorizedError(SpeckleError):
    """The operation needs a token and there is none."""

    code = "UNAUTHORIZED"
    status = 401


class BadRequestError(SpeckleError):
    """A limit or a rule of the API is broken."""

    code = "BAD_REQUEST_ERROR"
    status = 400


class UserInputError(SpeckleError):
    """The body or an argument cannot be used."""

    code = "USER_INPUT_ERROR"
    status = 400


class ProjectNotFoundError(SpeckleError):
    """There is no such project."""

    code = "STREAM_NOT_FOUND"
    status = 404


class ModelNotFoundError(SpeckleError):
    """There is no such model in the project."""

    code = "BRANCH_NOT_FOUND"
    status = 404


class VersionNotFoundError(SpeckleError):
    """There is no such version in the project or model."""

    code = "COMMIT_NOT_FOUND"
    status = 404


class ModelNameError(SpeckleError):
    """A model cannot have this name."""

    code = "BRANCH_NAME_ERROR"
    status = 400


class ModelCreateError(SpeckleError):
    """A model of this name exists."""

    code = "BRANCH_CREATE_ERROR"
    status = 400


class ModelUpdateError(SpeckleError):
    """A model cannot be changed so."""

    code = "BRANCH_UPDATE_ERROR"
    status = 400


class VersionCreateError(SpeckleError):
    """A version cannot be created: its root object or its model is missing."""

    code = "COMMIT_CREATE_ERROR"
    status = 400


class VersionReceiveError(SpeckleError):
    """A version that is not there cannot be marked as received."""

    code = "COMMIT_RECEIVE_ERROR"
    status = 400


class ProjectUpdateError(SpeckleError):
    """A project cannot be changed so."""

    code = "STREAM_UPDATE_ERROR"
    status = 400


class VersionUpdateError(SpeckleError):
    """A version cannot be changed so."""

    code = "COMMIT_UPDATE_ERROR"
    status = 500


class VersionBatchError(SpeckleError):
    """A batch of versions cannot be moved or deleted."""

    code = "COMMIT_BATCH_UPDATE_ERROR"
    status = 400


class WebhookCreateError(SpeckleError):
    """A project has its full number of webhooks."""

    code = "WEBHOOK_CREATION_ERROR"
    status = 400


class StoreObjectError(SpeckleError):
    """An object cannot be stored."""

    code = "OBJECT_HANDLING_ERROR"
    status = 400
