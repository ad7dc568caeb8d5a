"""The pages of the round trip as one person's browser asks for them."""

from __future__ import annotations

import io
import re
from typing import Any

from ckan import model
from ckan.tests.helpers import CKANTestApp

from tests.logic.city import City
from tests.logic.returning import opened
from tests.support import headers


class Pages:
    """A browser of one person."""

    def __init__(self, city: City, app: CKANTestApp, who: str) -> None:
        self.city, self.app = city, app
        self.headers = headers(getattr(city, who))

    def get(self, path: str) -> Any:
        return self._fresh(
            self.app.get(f"/inventory{path}", headers=self.headers, follow_redirects=False)
        )

    def post(self, path: str, **data: Any) -> Any:
        return self._fresh(
            self.app.post(
                f"/inventory{path}", headers=self.headers, data=data, follow_redirects=False
            )
        )

    def _fresh(self, answer: Any) -> Any:
        """Bring the city's people back into the session that the request closed."""
        for name in vars(self.city):
            setattr(self.city, name, model.Session.merge(getattr(self.city, name)))
        return answer

    def workbook(self) -> Any:
        return opened(self.get("/workbook?department=parks").data)

    def upload(self, data: bytes, name: str = "parks.xlsx", **fields: Any) -> str:
        """Bring a file; returns the address of its preview."""
        answer = self.post("/spreadsheet", upload=(io.BytesIO(data), name), **fields)
        assert answer.status_code == 303, answer.body[-1500:]
        return re.sub(r"^.*/inventory", "", answer.headers["Location"])


def form_of(body: str) -> dict[str, str]:
    """The hidden fields of the preview's form."""
    return dict(re.findall(r'type="hidden" name="(fingerprint)" value="([^"]*)"', body))
