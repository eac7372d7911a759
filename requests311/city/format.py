"""The format of a city's files; `samples/README.md` explains every key to the people who write them."""

from datetime import date
from typing import Annotated, Self

from pydantic import BaseModel, ConfigDict, Field, model_validator

from geo.models import Area
from requests311.city.values import (
    DueTime,
    Email,
    Language,
    NoTwins,
    PriorityName,
    Slug,
    Text,
    TimeOfDay,
    TimeZone,
    WebAddress,
    Weekday,
    fits,
    why_no_holidays,
)
from requests311.models import (
    Attribute,
    Datatype,
    Department,
    Jurisdiction,
    PhotoPolicy,
    RejectionReason,
    RoutingRule,
    Service,
    Team,
    Told,
    Visibility,
)
from requests311.models.jurisdiction import KEEP_AT_LEAST_DAYS, KEEP_AT_MOST_DAYS
from requests311.statuses import Priority, Resolution

LISTS = (Datatype.SINGLEVALUELIST, Datatype.MULTIVALUELIST)

ServiceCode = Annotated[Slug, fits(Service, "code")]
DepartmentCode = Annotated[Slug, fits(Department, "code")]
TeamCode = Annotated[Slug, fits(Team, "code")]
ReasonCode = Annotated[Slug, fits(RejectionReason, "code")]
ReasonText = Annotated[str, fits(RejectionReason, "text")]
AttributeCode = Annotated[Slug, fits(Attribute, "code")]
GroupName = Annotated[str, fits(Service, "group")]
AreaKind = Annotated[Slug, fits(Area, "kind")]
AssetKind = Annotated[Slug, fits(Service, "asset_kind")]
AreaCode = Annotated[Text, fits(Area, "code")]
Period = Annotated[int, Field(ge=KEEP_AT_LEAST_DAYS, le=KEEP_AT_MOST_DAYS)]


class Part(BaseModel):
    """A mapping in a file; a key that is not in the format is refused, not ignored."""

    model_config = ConfigDict(extra="forbid", frozen=True)


# --- jurisdiction.yaml ---------------------------------------------------------------------------


class Source(Part):
    """Where polygons come from: a file beside the YAML, or a data file inside an installed package."""

    file: str | None = None
    package: str | None = None
    resource: str | None = None
    layer: str | None = None

    def name(self) -> str:
        return self.file or f"{self.package}/{self.resource}"

    def has_place(self) -> bool:
        return (self.file is not None) != (self.package is not None and self.resource is not None) and not (
            self.file and (self.package or self.resource)
        )


class AreaSource(Source):
    kind: AreaKind
    code_field: str
    name_field: str

    @model_validator(mode="after")
    def _check(self) -> Self:
        if not self.has_place():
            raise ValueError("needs either 'file', or 'package' and 'resource'")
        if self.kind == Area.JURISDICTION:
            raise ValueError("the kind 'jurisdiction' is the boundary itself")
        return self


class BoundarySource(Source):
    union_of: AreaKind | None = None

    @model_validator(mode="after")
    def _check(self) -> Self:
        named = any((self.file, self.package, self.resource, self.layer))
        if named == bool(self.union_of) or (named and not self.has_place()):
            raise ValueError("needs one of 'union_of', 'file', or 'package' and 'resource'")
        return self


class Holidays(Part):
    country: str
    subdivision: str = ""

    @model_validator(mode="after")
    def _check(self) -> Self:
        if reason := why_no_holidays(self.country, self.subdivision):
            raise ValueError(reason)
        return self


class OpeningHours(Part):
    opens: Annotated[TimeOfDay, Field(alias="from")]
    closes: Annotated[TimeOfDay, Field(alias="to")]

    @model_validator(mode="after")
    def _check(self) -> Self:
        if self.opens >= self.closes:
            raise ValueError("'from' must be before 'to'")
        return self


class EscalationEntry(Part):
    """Once so much of the time is used up, somebody is told."""

    percent: Annotated[int, Field(ge=1, le=1000)]
    tells: Told


class RejectionReasonEntry(Part):
    code: ReasonCode
    text: ReasonText
    translations: dict[Language, ReasonText] = {}
    names_responsible: bool = False
    responsible: Annotated[Text, fits(RejectionReason, "responsible", empty=True)] = ""
    contact: Annotated[Text, fits(RejectionReason, "contact", empty=True)] = ""
    link: Annotated[WebAddress, fits(RejectionReason, "link", empty=True)] = ""

    @model_validator(mode="after")
    def _check(self) -> Self:
        reached = bool(self.contact or self.link)
        if (self.responsible or reached) and not self.names_responsible:
            raise ValueError("who is responsible stands only with 'names_responsible: true'")
        if bool(self.responsible) != reached:
            raise ValueError("needs 'responsible' together with 'contact' or 'link', or none of them")
        return self


class JurisdictionFile(Part):
    code: Annotated[Slug, fits(Jurisdiction, "code")]
    name: Annotated[str, fits(Jurisdiction, "name")]
    parent: Slug | None = None
    time_zone: TimeZone
    languages: Annotated[list[Language], Field(min_length=1), NoTwins]
    working_days: Annotated[list[Weekday], Field(min_length=1), NoTwins]
    opening_hours: OpeningHours | None = None
    holidays: Holidays | None = None
    closure_days: Annotated[list[date], NoTwins] = []
    reopen_days: Annotated[int, Field(ge=0, le=365)] = 14
    #: None: for ever.
    keep_events_days: Period | None = None
    keep_messages_days: Period | None = 365
    heat_minimum: Annotated[int, Field(ge=1, le=1000)] = 5
    escalation: Annotated[list[EscalationEntry], NoTwins] = []
    rejection_reasons: list[RejectionReasonEntry] = []
    boundary: BoundarySource
    areas: list[AreaSource] = []


# --- departments.yaml ----------------------------------------------------------------------------


class TeamEntry(Part):
    """People who go out together; who they are is said in the admin."""

    code: TeamCode
    name: Annotated[str, fits(Team, "name")]


class UnitEntry(Part):
    code: DepartmentCode
    name: Annotated[str, fits(Department, "name")]
    email: Email = ""
    phone: Annotated[Text, fits(Department, "phone", empty=True)] = ""
    dispatch_desk: bool = False
    teams: list[TeamEntry] = []


class DepartmentEntry(UnitEntry):
    #: One level: who works for the agency works for its units, and a unit has none of its own.
    units: list[UnitEntry] = []


class DepartmentsFile(Part):
    departments: list[DepartmentEntry]


# --- services.yaml -------------------------------------------------------------------------------


class AreaRef(Part):
    kind: AreaKind
    code: AreaCode


class AnswerRef(Part):
    """An attribute and the answer it must have."""

    attribute: AttributeCode
    value: Annotated[Text, fits(RoutingRule, "value")]


class AttributeTranslation(Part):
    description: Annotated[str, fits(Attribute, "description")] | None = None
    datatype_description: Annotated[str, fits(Attribute, "datatype_description")] | None = None
    values: dict[Text, str] = {}


class AttributeEntry(Part):
    code: AttributeCode
    datatype: Datatype
    required: bool = False
    description: Annotated[str, fits(Attribute, "description")]
    datatype_description: Annotated[str, fits(Attribute, "datatype_description", empty=True)] = ""
    values: Annotated[dict[Text, str], Field(max_length=Attribute.MAX_VALUES)] = {}
    depends_on: AnswerRef | None = None
    translations: dict[Language, AttributeTranslation] = {}

    @model_validator(mode="after")
    def _check(self) -> Self:
        if (self.datatype in LISTS) != bool(self.values):
            needs = "needs 'values'" if self.datatype in LISTS else "has no 'values'"
            raise ValueError(f"the datatype {self.datatype} {needs}")
        return self


class ServiceTranslation(Part):
    name: Annotated[str, fits(Service, "name")] | None = None
    description: str | None = None


class AssetEntry(Part):
    """A service asks for one of the city's things of this kind."""

    kind: AssetKind
    required: bool = False


class ServiceEntry(Part):
    code: ServiceCode
    name: Annotated[str, fits(Service, "name")]
    description: str = ""
    group: Annotated[str, fits(Service, "group", empty=True)] = ""
    keywords: Annotated[list[Annotated[str, Field(min_length=1, max_length=60)]], NoTwins] = []
    photo: PhotoPolicy = PhotoPolicy.OPTIONAL
    asset: AssetEntry | None = None
    visibility: Visibility = Visibility.PUBLIC
    due: DueTime | None = None
    first_response: DueTime | None = None
    priority: PriorityName = Priority.NORMAL
    #: None: a request may end in any way.
    resolutions: Annotated[list[Resolution], NoTwins] = []
    completion_photo: bool = False
    offered_in: Annotated[list[AreaRef], NoTwins] = []
    translations: dict[Language, ServiceTranslation] = {}
    attributes: list[AttributeEntry] = []


class ServicesFile(Part):
    #: Name of a group → its name in the other languages.
    groups: dict[GroupName, dict[Language, GroupName]] = {}
    services: list[ServiceEntry]


# --- routing.yaml --------------------------------------------------------------------------------


class RuleEntry(Part):
    """One entry may stand for many rules: services (or groups) × the areas of `by`."""

    services: Annotated[list[ServiceCode], NoTwins] = []
    groups: Annotated[list[GroupName], NoTwins] = []
    every_service: bool = False
    area: AreaRef | None = None
    department: DepartmentCode | None = None
    by: AreaKind | None = None
    departments: dict[AreaCode, DepartmentCode] = {}
    asset_kind: AssetKind | None = None
    when: AnswerRef | None = None
    rank: Annotated[int, Field(ge=-1000, le=1000)] = 0
    valid_from: date | None = None
    valid_to: date | None = None

    @model_validator(mode="after")
    def _check(self) -> Self:
        if [bool(self.services), bool(self.groups), self.every_service].count(True) != 1:
            raise ValueError("needs exactly one of 'services', 'groups' and 'every_service: true'")
        by_area = bool(self.by and self.departments) and not (self.area or self.department)
        one = self.department is not None and not (self.by or self.departments)
        if not by_area and not one:
            raise ValueError("needs either 'department' (and perhaps 'area'), or 'by' and 'departments'")
        if self.when and not self.services:
            raise ValueError("'when' asks for an answer, so it needs 'services'")
        if self.valid_from and self.valid_to and self.valid_to < self.valid_from:
            raise ValueError("'valid_to' is before 'valid_from'")
        return self


class RoutingFile(Part):
    rules: list[RuleEntry]
